using System.Net;
using Twill.Host.AntiSpoof;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Testing;

namespace Kernel.Tests.Host;

/// <summary>What containers may send as: the kernel's tables beside the records.</summary>
public sealed class SourceFilterTests : IDisposable
{
    private const string Network = "a";

    private readonly TestNetns _host = TestNetns.Create();
    private readonly TempDir _directory = TempDir.Create();
    private readonly AttachmentRecords _records;
    private readonly NftSocket _nft;
    private readonly RouteSocket _route;

    public SourceFilterTests()
    {
        using NetNs ns = NetNs.Open(_host.Path);
        (_nft, _route, _records) = (NftSocket.Open(ns), RouteSocket.Open(ns), new AttachmentRecords(_directory.At("attachments")));
    }

    private SourceReconciler Reconciler => new(_route, _nft, _records, Network);

    [RequiresRootTheory]
    [InlineData(false, "bridge twill-a")]
    [InlineData(true, "ip twill-a", "ip6 twill-a")]
    public void The_kernel_gives_back_the_rules_that_it_was_given(bool isRouted, params string[] tables)
    {
        ContainerSource one = Add("one", isRouted, "10.1.0.5/32", "10.9.0.0/16", "fd00::5/128", "fd09::/64");

        SourceFilter.Tables(_nft, Network).Should().Equal(tables);
        SourceFilter.FindDifference(_nft, Network, one).Should().BeNull();
        Reconciler.Reconcile().Should().BeEmpty();
        foreach (string table in tables)
        {
            int rules = _host.Nft($"list chain {table} prerouting").Split('\n').Count(line => line.Contains("comment"));
            _nft.TryGetChain(new TableId(FamilyOf(table), "twill-a"), "prerouting", out NftChain? chain).Should().BeTrue();
            chain!.Use.Should().Be((uint)rules, "an ADD counts them by what is said in advance");
            _host.Nft($"delete rule {table} prerouting handle {HandleOfLast(table)}");
            Ensure(isRouted);
            SourceFilter.FindDifference(_nft, Network, one).Should().BeNull("an ADD misses one rule, and writes the table anew");
        }
    }

    [RequiresRootFact]
    public void What_somebody_flushed_comes_back_for_all_containers_at_once()
    {
        ContainerSource one = Add("one", isRouted: false, "10.1.0.5/32"),
            routed = Add("routed", isRouted: true, "10.1.0.6/32", "fd00::6/128");
        _host.Nft("flush ruleset");
        SourceFilter.FindDifference(_nft, Network, one).Should().Be("nftables table bridge twill-a is missing");

        Reconciler.Reconcile().Should().HaveCount(3).And.AllSatisfy(change => change.Should().Contain("is missing"));
        SourceFilter.FindDifference(_nft, Network, one).Should().BeNull();
        SourceFilter.FindDifference(_nft, Network, routed).Should().BeNull();

        _host.Nft("flush set bridge twill-a ipv4");
        SourceFilter.FindDifference(_nft, Network, one).Should().StartWith("set ipv4 of nftables table bridge twill-a lacks host end");
        const string PutBack = "1 elements that say what containers may send as put back into nftables table bridge twill-a";
        Reconciler.Reconcile().Should().Equal(PutBack);
        SourceFilter.FindDifference(_nft, Network, one).Should().BeNull();

        _host.Nft("add table bridge twill-a { flags dormant; }");
        SourceFilter.FindDifference(_nft, Network, one).Should().Be("nftables table bridge twill-a is dormant");
        Ensure(isRouted: false);
        SourceFilter.FindDifference(_nft, Network, one).Should().BeNull("an ADD makes it anew, with all containers in it");

        _host.Nft("insert rule bridge twill-a prerouting accept");
        Reconciler.Reconcile().Should().ContainSingle();
        SourceFilter.FindDifference(_nft, Network, one).Should().BeNull();
    }

    [RequiresRootFact]
    public void Elements_of_host_ends_that_are_gone_go()
    {
        ContainerSource gone = Add("gone", isRouted: false, "10.1.0.5/32", "10.8.0.0/16"),
            stays = Add("stays", isRouted: false, "10.1.0.6/32");
        _host.Ip($"link delete {gone.HostName}");

        Reconciler.Reconcile().Should().Equal("elements of containers that are gone deleted from nftables table bridge twill-a");
        _host.Nft("list table bridge twill-a").Should().NotContain(gone.HostName).And.Contain(stays.HostName);
        Reconciler.Owners().Should().BeEquivalentTo(gone.HostName, stays.HostName);

        Reconciler.Remove(gone.HostName);
        Reconciler.Owners().Should().BeEquivalentTo(stays.HostName);
        Reconciler.Remove(stays.HostName); // as a GC does where the record is lost
        _host.Nft("list table bridge twill-a").Should().NotContain(stays.HostName);
        Reconciler.Reconcile().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_container_is_deleted_also_when_some_of_it_is_gone()
    {
        ContainerSource one = Add("one", isRouted: false, "10.1.0.5/32", "fd00::5/128"),
            other = Add("other", isRouted: false, "10.1.0.6/32");
        _host.Nft("flush set bridge twill-a macs");
        SourceFilter.Remove(_nft, Network, one);
        _host.Nft("list table bridge twill-a").Should().NotContain(one.HostName).And.Contain(other.HostName);
        SourceFilter.Remove(_nft, Network, one);

        _host.Nft("delete table bridge twill-a");
        SourceFilter.Remove(_nft, Network, one);
        SourceFilter.Delete(_nft, Network);
    }

    [RequiresRootFact]
    public void Records_that_are_cut_short_are_none()
    {
        ContainerSource one = Add("one", isRouted: false, "10.1.0.5/32", "fd00::/64");
        _records.Read(one.HostName).Should().BeEquivalentTo(one);
        string path = Path.Combine(_directory.At("attachments"), one.HostName);
        string whole = File.ReadAllText(path);
        for (int length = 0; length < whole.Length - 1; length++)
        {
            File.WriteAllText(path, whole[..length]);
            _records.Read(one.HostName).Should().BeNull();
        }

        File.WriteAllText(path, whole.Replace("10.1.0.5/32", "10.1.0.5/33"));
        _records.Read(one.HostName).Should().BeNull();
        _records.Owners().Should().Equal(one.HostName);
        _records.Remove(one.HostName);
        _records.Remove(one.HostName);
        _records.List().Should().BeEmpty();
    }

    public void Dispose()
    {
        _nft.Dispose();
        _route.Dispose();
        _host.Dispose();
        _directory.Dispose();
    }

    private static NftFamily FamilyOf(string table) =>
        table.Split(' ')[0] switch
        {
            "bridge" => NftFamily.Bridge,
            "ip" => NftFamily.Ip,
            _ => NftFamily.Ip6,
        };

    private string HandleOfLast(string table) =>
        _host.Nft($"-a list chain {table} prerouting").Split('\n').Last(line => line.Contains("# handle")).Split(' ')[^1];

    private ContainerSource Add(string container, bool isRouted, params string[] addresses)
    {
        MacAddress mac = MacAddress.Parse($"02:74:00:00:00:{container.Length:x2}");
        ContainerSource source = new(container, "eth0", isRouted, mac, [.. addresses.Select(address => IPNetwork.Parse(address))]);
        _host.Ip($"link add {source.HostName} type veth peer name p{container}");
        _records.Write(source);
        Ensure(isRouted);
        SourceFilter.Add(_nft, Network, source, _records);
        return source;
    }

    private void Ensure(bool isRouted) => SourceFilter.Ensure(_nft, Network, isRouted, _records);
}
