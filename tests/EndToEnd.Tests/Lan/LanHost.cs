using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Lan;

/// <summary>What an administrator does to a host of a lab, and what twill must leave as it is.</summary>
internal static class LanHost
{
    /// <summary>A bridge with the host's interface, addresses and default route. It has no hardware address of its own, as systemd-networkd
    /// and NetworkManager make them: it takes the lowest of its ports'.</summary>
    internal static void MakeBridge(this LabHost host)
    {
        string[] six = host.AddressV6 is { } address
            ? [$"address add {address}/64 dev br0 nodad", $"route replace default via {Lab.GatewayAddressV6} dev br0"]
            : [];
        host.IpBatch(
            $"link set dev eth0 address 52:54:00:00:00:{host.Address.Split('.')[3]}",
            "link add br0 type bridge stp_state 0 mcast_snooping 0",
            "link set br0 up",
            "address flush dev eth0",
            "link set eth0 master br0",
            $"address add {host.Address}/24 dev br0",
            $"route replace default via {Lab.GatewayAddress} dev br0"
        );
        if (six.Length > 0)
        {
            host.IpBatch(six);
        }

        host.WaitForCarrier("br0");
    }

    /// <summary>A host's own interfaces, routes, rules, tables and parameters, without what only containers have.</summary>
    internal static string Seen(this LabHost host) =>
        host.Sh(
            """
            for i in br0 eth0; do ip -d address show dev $i 2>/dev/null; done |
              sed 's/ state [A-Z]*//; s/_timer *[0-9.]*//g; s/valid_lft [0-9]*sec//; s/preferred_lft [0-9]*sec//; s/ tentative//'
            ip route show proto static; ip route show proto boot; ip -6 route; ip rule; bridge -d link show dev eth0
            nft list ruleset | grep '^table' | grep -v 'twill-lan'
            cd /proc/sys/net; cat ipv4/ip_forward ipv6/conf/all/forwarding
            grep -rs . ipv4/conf/br0 ipv4/conf/eth0 ipv6/conf/br0 ipv6/conf/eth0 ipv4/neigh/br0 ipv4/neigh/eth0 | grep -v stable_secret
            """
        );

    /// <summary>STATUS of the first plugin, in the first version that has it.</summary>
    internal static CniAnswer Status(this LabHost host, JsonObject conf)
    {
        JsonObject asked = conf.ForPlugin();
        asked["cniVersion"] = "1.1.0";
        return host.Plugin("twill").Run("STATUS", asked.ToJsonString());
    }

    /// <summary>The name of a container's host end.</summary>
    internal static string HostEnd(this LabContainer container) =>
        JsonDocument.Parse(container.Result).RootElement.GetProperty("interfaces").EnumerateArray()
            .Select(one => one.GetProperty("name").GetString()!)
            .First(name => name.Length == 15 && name.StartsWith("tw", StringComparison.Ordinal));
}
