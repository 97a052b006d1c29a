using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli.Broken;

/// <summary>
/// Every way we know to break a network, each broken for real. doctor names it, status does not say that all is well, and whoever follows
/// the advice has a network again.
/// </summary>
public sealed class BrokenKernelTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    public static TheoryData<string> Names => [.. KernelBreakages.All.Select(breakage => breakage.Name)];

    [RequiresRootTheory, MemberData(nameof(Names))]
    public void What_is_broken_is_named_and_the_advice_mends_it(string name) =>
        new Patient(hosts.Cluster.Hosts[0], hosts.From, hosts.To.Address).Treat(KernelBreakages.All.Single(one => one.Name == name));
}

/// <summary>The same for what is in the way between hosts.</summary>
public sealed class BrokenWaysTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    public static TheoryData<string> Names => [.. WayBreakages.All.Select(breakage => breakage.Name)];

    [RequiresRootTheory, MemberData(nameof(Names))]
    public void What_is_broken_is_named_and_the_advice_mends_it(string name) =>
        new Patient(hosts.Cluster.Hosts[0], hosts.From, hosts.To.Address).Treat(WayBreakages.All.Single(one => one.Name == name));
}

/// <summary>The same for files, processes and the way to etcd.</summary>
public sealed class BrokenFilesTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    public static TheoryData<string> Names => [.. FileBreakages.All.Select(breakage => breakage.Name)];

    [RequiresRootTheory, MemberData(nameof(Names))]
    public void What_is_broken_is_named_and_the_advice_mends_it(string name) =>
        new Patient(hosts.Cluster.Hosts[0], hosts.From, hosts.To.Address).Treat(FileBreakages.All.Single(one => one.Name == name));
}

/// <summary>The same for addresses that are somebody else's, and keys in etcd.</summary>
public sealed class BrokenOverlapTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    public static TheoryData<string> Names => [.. OverlapBreakages.All.Select(breakage => breakage.Name)];

    [RequiresRootTheory, MemberData(nameof(Names))]
    public void What_is_broken_is_named_and_the_advice_mends_it(string name) =>
        new Patient(hosts.Cluster.Hosts[0], hosts.From, hosts.To.Address).Treat(OverlapBreakages.All.Single(one => one.Name == name));
}
