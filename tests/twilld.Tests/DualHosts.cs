using Twill.Testing;

namespace Twill.Agent.Tests;

/// <summary>Hosts of a network with both families: 10.244.0.0/16 and fc00:1::/48.</summary>
internal static class DualHosts
{
    internal const string Vxlan = """{ "type": "vxlan" }""";

    /// <summary>Adds a host and waits until its agent has leased its subnets.</summary>
    internal static AgentHost StartDualHost(this AgentLab lab, string backend = Vxlan, string[]? args = null)
    {
        AgentHost host = lab.AddHost();
        host.Configure("pods", backend: backend, rangeV6: "fc00:1::/48");
        host.Start(args ?? []);
        host.WaitForSubnet();
        return host;
    }

    /// <summary>Waits until a reaches the bridge of b in both families, by these devices.</summary>
    internal static void ShouldReach(AgentHost a, AgentHost b, string v4, string v6)
    {
        Eventually.True(
            $"{b.Gateway} by {v4}",
            () => a.Ns.Run("ip", "route", "get", b.Gateway).Stdout.Contains($"dev {v4} "),
            onFailure: () => a.Log + b.Log
        );
        Eventually.True(
            $"{b.GatewayV6} by {v6}",
            () => a.Ns.Run("ip", "route", "get", b.GatewayV6).Stdout.Contains($"dev {v6} "),
            onFailure: () => a.Log + b.Log
        );
        Eventually.True("it is reached by IPv4", () => a.Reaches(b), onFailure: () => a.Log + b.Log);
        Eventually.True("it is reached by IPv6", () => a.ReachesV6(b), onFailure: () => a.Log + b.Log);
    }

    internal static string[] Entries(AgentHost host) =>
        host
            .Ns.Sh(
                "ip -4 route show proto 116; ip -6 route show proto 116; ip -4 neigh show proto 116; ip -6 neigh show proto 116; "
                    + "bridge fdb show dev twill.1; bridge fdb show dev twill-v6.1 || true"
            )
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);

    internal static string StateOf(AgentHost host) =>
        string.Join('\n', Entries(host))
        + host.Ns.Sh(
            "ip -br link show dev twill-v6.1 2>&1 | tr -s ' ' | cut -d' ' -f1,3-; ip -6 -br address show dev twill-v6.1 2>&1 | tr -s ' "
                + "' | cut -d' ' -f1,3-; "
                + "ip -6 -br address show dev twill0 scope global | tr -s ' ' | cut -d' ' -f1,3-; ip -6 route show dev twill0 proto "
                + "kernel; cat /proc/sys/net/ipv6/conf/all/forwarding 2>&1 || true"
        );

    internal static string Key(AgentHost host) => $"{host.Subnet.Replace('/', '-')}&{host.SubnetV6.Replace('/', '-')}";

    internal static string MacOf(AgentHost host, string device) =>
        host.Ns.IpJson($"link show dev {device}")[0].GetProperty("address").GetString()!;

    internal static int Mtu(AgentHost host, string device) =>
        host.Ns.HasLink(device) ? host.Ns.IpJson($"link show dev {device}")[0].GetProperty("mtu").GetInt32() : 0;
}
