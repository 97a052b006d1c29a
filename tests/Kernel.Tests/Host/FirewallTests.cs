using System.Net;
using Twill.Host;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Testing;

namespace Kernel.Tests.Host;

public sealed class FirewallTests : IDisposable
{
    private static readonly FirewallSpec s_spec = new("net1", "twill0", Masquerade: true, [IPNetwork.Parse("10.90.0.0/16")], [IPNetwork.Parse("192.0.2.0/24")]);

    private readonly TestNetns _ns = TestNetns.Create();

    [RequiresRootFact]
    public void Is_written_once_and_then_recognised()
    {
        Do(nft => Firewall.Ensure(nft, s_spec)).Should().BeTrue();
        string written = Ruleset();
        Do(nft => Firewall.Ensure(nft, s_spec)).Should().BeFalse();

        Ruleset().Should().Be(written);
        written.Should().Contain("table inet twill-net1 {")
            .And.Contain("elements = { 10.90.0.0/16 }").And.Contain("elements = { 192.0.2.0/24, 224.0.0.0/4,").And.Contain("255.255.255.255 }")
            .And.Contain("ip saddr @local ip daddr != @local ip daddr != @exempt masquerade fully-random")
            .And.Contain("ip saddr @local accept").And.Contain("ip daddr @local accept");
        Do(nft => Firewall.FindDifference(nft, s_spec, [])).Should().BeNull();
    }

    [RequiresRootFact]
    public void Another_configuration_replaces_the_table_whole()
    {
        Do(nft => Firewall.Ensure(nft, s_spec));
        Do(nft => Firewall.Ensure(nft, s_spec with { Masquerade = false })).Should().BeTrue();

        Ruleset().Should().NotContain("masquerade fully-random").And.Contain("ip saddr @local accept");
    }

    [RequiresRootFact]
    public void Tables_of_others_and_of_other_networks_are_left_alone()
    {
        _ns.Run("nft", "add table inet mine { chain c { type filter hook forward priority 0; counter accept; } ; }").OrThrow();
        Do(nft => Firewall.Ensure(nft, s_spec));
        Do(nft => Firewall.Ensure(nft, s_spec with { Network = "net2" }));

        Do(nft => { Firewall.Delete(nft, "net1"); return true; });
        Do(nft => { Firewall.Delete(nft, "net1"); return true; });

        Ruleset().Should().Contain("table inet mine").And.Contain("table inet twill-net2").And.NotContain("twill-net1");
    }

    [RequiresRootTheory]
    [InlineData("delete table inet twill-net1", "nftables table inet twill-net1 is missing")]
    [InlineData("flush chain inet twill-net1 postrouting", "lacks the rule 'published ports, asked for by containers'")]
    [InlineData("flush chain inet twill-net1 loopback", "lacks the rule 'from nowhere'")]
    [InlineData("flush chain inet twill-net1 prerouting", "lacks the rule 'ports published at one address'")]
    [InlineData("flush chain inet twill-net1 output", "lacks the rule 'ports published at one address'")]
    [InlineData("flush chain inet twill-net1 forward", "lacks the rule 'from containers'")]
    [InlineData("delete element inet twill-net1 local { 10.90.0.0/16 }", "set local of nftables table inet twill-net1 lacks 10.90.0.0/16")]
    [InlineData("delete element inet twill-net1 exempt { 224.0.0.0/4 }", "set exempt of nftables table inet twill-net1 lacks 224.0.0.0/4")]
    [InlineData("add chain inet twill-net1 forward { policy drop; }", "chain forward of nftables table inet twill-net1 is missing, or")]
    public void What_was_taken_away_is_named(string damage, string told)
    {
        Do(nft => Firewall.Ensure(nft, s_spec));
        _ns.Run("nft", damage).OrThrow();

        Do(nft => Firewall.FindDifference(nft, s_spec, [])).Should().Contain(told);
    }

    [RequiresRootTheory]
    [InlineData("flush ruleset")]
    [InlineData("delete table inet twill-net1")]
    [InlineData("flush table inet twill-net1")]
    [InlineData("flush chain inet twill-net1 forward")]
    [InlineData("flush chain inet twill-net1 output; delete chain inet twill-net1 output")]
    [InlineData("add chain inet twill-net1 forward { policy drop; }")]
    [InlineData("delete rule inet twill-net1 postrouting handle $HANDLE")]
    public void The_next_ensure_writes_what_is_missing_once(string damage)
    {
        Do(nft => Firewall.Ensure(nft, s_spec));
        string written = Ruleset();
        string handle = _ns.Sh("nft -a list chain inet twill-net1 postrouting | sed -n 's/.*fully-random.*# handle //p'").Trim();
        _ns.Run("nft", damage.Replace("$HANDLE", handle)).OrThrow();

        Do(nft => Firewall.Ensure(nft, s_spec)).Should().BeTrue();

        Ruleset().Should().Be(written);
        Do(nft => Firewall.Ensure(nft, s_spec)).Should().BeFalse();
    }

    [RequiresRootFact]
    public void Rules_that_somebody_added_are_left_where_they_are()
    {
        Do(nft => Firewall.Ensure(nft, s_spec));
        _ns.Run("nft", "add rule inet twill-net1 forward counter").OrThrow();

        Do(nft => Firewall.Ensure(nft, s_spec)).Should().BeFalse();
        Ruleset().Should().Contain("counter packets");
    }

    [RequiresRootFact]
    public void Prefixes_that_only_the_ipam_plugin_knew_are_added_once()
    {
        FirewallSpec spec = s_spec with { Local = [] };
        IPNetwork prefix = IPNetwork.Parse("10.91.0.0/24");
        Do(nft => Firewall.Ensure(nft, spec));
        Do(nft => Firewall.FindDifference(nft, spec, [prefix])).Should().Contain("lacks 10.91.0.0/24");

        for (int i = 0; i < 2; i++)
            Do(nft => { Firewall.AddLocal(nft, "net1", prefix); return true; });

        Do(nft => Firewall.FindDifference(nft, spec, [prefix])).Should().BeNull();
        Ruleset().Should().Contain("elements = { 10.91.0.0/24 }");
    }

    [RequiresRootFact]
    public void Prefixes_inside_or_around_those_that_are_there_are_no_error_and_all_are_covered()
    {
        FirewallSpec spec = s_spec with { Local = [], Exempt = [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("192.0.2.77/32")] };
        IPNetwork[] prefixes = [.. new[] { "10.91.0.0/25", "10.91.0.128/25", "10.91.0.0/24", "10.91.0.64/26", "192.0.2.0/24" }.Select(IPNetwork.Parse)];
        Do(nft => Firewall.Ensure(nft, spec));

        foreach (IPNetwork prefix in prefixes)
            Do(nft => { Firewall.AddLocal(nft, "net1", prefix); return true; });

        Do(nft => Firewall.FindDifference(nft, spec, prefixes)).Should().BeNull();
        Ruleset().Should().Contain("elements = { 10.91.0.0/24, 192.0.2.0/24 }");
    }

    public void Dispose() => _ns.Dispose();

    private string Ruleset() => _ns.Run("nft", "list", "ruleset").OrThrow().Stdout;

    private T Do<T>(Func<NftSocket, T> action)
    {
        using NetNs ns = NetNs.Open(_ns.Path);
        using NftSocket nft = ns.Run(NftSocket.Open);
        return action(nft);
    }
}
