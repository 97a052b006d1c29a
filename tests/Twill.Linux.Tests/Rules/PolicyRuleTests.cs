using System.Net;
using System.Net.Sockets;
using Twill.Linux.Rules;

namespace Twill.Linux.Tests.Rules;

public sealed class PolicyRuleTests
{
    private static readonly List<PolicyRule> s_all = Decoded.All(Captured.Reply("rules"), PolicyRule.Decode);

    [Fact]
    public void ListRules_is_what_ip_rule_show_sends() =>
        Captured.Equal("rules/list-rules", new ListRules(AddressFamily.InterNetworkV6));

    [Fact]
    public void Requests_are_what_ip_rule_sends()
    {
        IPNetwork source = IPNetwork.Parse("10.2.0.2/32");
        Captured.Equal("rules/new-rule", new NewPolicyRule(source, 116_003) { Protocol = 116 });
        Captured.Equal("rules/new-rule-ipv6", new NewPolicyRule(IPNetwork.Parse("fd00:2::/64"), 100));
        Captured.Equal("rules/delete-rule", new DeletePolicyRule(source, 116_003) { Protocol = 116 });
    }

    [Fact]
    public void Rules_are_named_as_ip_rule_names_them() =>
        s_all
            .ConvertAll(rule => rule.ToString())
            .Should()
            .Equal(
                "0: from all lookup local",
                "10: from 10.244.0.0/16 to 10.9.0.0/16 iif br0 lookup 300",
                "11: from all to 10.8.0.0/16 prohibit",
                "5270: not from all fwmark 0x80000 mask 0xff0000 oif eth9 lookup 52",
                "32766: from all lookup main",
                "32767: from all lookup default"
            );

    [Fact]
    public void A_rule_tells_what_it_is_for_and_what_it_does()
    {
        PolicyRule rule = s_all[1];

        (rule.Family, rule.Action, rule.Table, rule.Iif, rule.IsInverted)
            .Should()
            .Be((AddressFamily.InterNetwork, PolicyAction.ToTable, 300u, "br0", false));
        (rule.Source, rule.Destination)
            .Should()
            .Be((IPNetwork.Parse("10.244.0.0/16"), IPNetwork.Parse("10.9.0.0/16")));
        (s_all[3].IsInverted, s_all[3].Fwmark).Should().Be((true, (0x80000u, 0xff0000u)));
    }
}
