using System.Net;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.IPv6;

/// <summary>
/// One host whose containers have an address of each family, or of IPv6 alone, from the reference IPAM plugin <c>host-local</c>. The world
/// outside has IPv6 as well, and no route to any container.
/// </summary>
public sealed class DualHost : IDisposable
{
    internal const string Address = "fd50::11",
        GatewayAddress = "fd50::254",
        OutsideAddress = "2001:db8:113::1";
    internal const string Gateway = "fd00:244::1";

    public DualHost()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Lab = Lab.Create();
        try
        {
            Host = Lab.AddHost("host");
            Host.Sh("echo 0 >/proc/sys/net/ipv6/conf/all/forwarding");
            Lab.Outside.Ip($"address add {GatewayAddress}/64 dev eth0 nodad");
            Lab.Outside.Ip($"address add {OutsideAddress}/128 dev lo nodad");
            Host.Ip($"address add {Address}/64 dev eth0 nodad");
            Host.Ip($"route add default via {GatewayAddress}");
            // What a host asks its neighbours for others, or for an address of its lo, it asks from its link-local address, once it has
            // one.
            Eventually.True("the underlay has its link-local addresses", () =>
                new NetnsShell[] { Host, Lab.Outside }.All(place => place.Ip("-6 address show dev eth0 tentative").Length == 0)
            );
            Conf = Configuration("twill", "twill0", "10.244.0.0/24", "fd00:244::/64");
            Host.Configure(Conf);
        }
        catch
        {
            Lab.Dispose();
            throw;
        }
    }

    internal Lab Lab { get; } = null!;

    internal LabHost Host { get; } = null!;

    internal JsonObject Conf { get; } = null!;

    /// <summary>What a runtime sends to the plugin.</summary>
    internal string Config => Conf.ForPlugin().ToJsonString();

    /// <summary>A network with these subnets, and a default route for each.</summary>
    internal static JsonObject Configuration(string name, string bridge, params string[] subnets) =>
        JsonNode
            .Parse(
                $$"""
                {"cniVersion":"1.0.0","name":"{{name}}","plugins":[{"type":"twill","bridge":"{{bridge}}","backend":{"type":"none"},
                  "capabilities":{"portMappings":true,"bandwidth":true,"ips":true,"mac":true},
                  "ipam":{"type":"host-local","dataDir":"/run/host-local",
                    "ranges":[{{string.Join(',', subnets.Select(subnet => $$"""[{"subnet":"{{subnet}}"}]"""))}}],
                    "routes":[{{string.Join(
                    ',',
                    subnets.Select(subnet => $$"""{"dst":"{{(subnet.Contains(':') ? "::/0" : "0.0.0.0/0")}}"}""")
                )}}] } }] }
                """
            )!
            .AsObject();

    /// <summary>A container's address of IPv6, from its ADD's result.</summary>
    internal static string SixOf(LabContainer container) =>
        JsonNode.Parse(container.Result)!["ips"]!
            .AsArray()
            .Select(ip => ((string)ip!["address"]!).Split('/')[0])
            .Single(address => address.Contains(':'));

    /// <summary>An IPAM plugin that speaks all versions and gives one container two addresses, and its section in the
    /// configuration.</summary>
    internal JsonObject FixedIpam(string four, string six)
    {
        Host.Write(
            "/opt/cni/bin/fixed",
            $$"""
            #!/bin/sh
            cat >/dev/null
            case $CNI_COMMAND in
            ADD) echo '{"cniVersion":"1.0.0","ips":[{"address":"{{four}}","gateway":"10.244.0.1"},{"address":"{{six}}","gateway":"{{Gateway}}"}],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}' ;;
            esac
            """
        );
        Host.Sh("chmod 755 /opt/cni/bin/fixed");
        return new JsonObject { ["type"] = "fixed" };
    }

    /// <summary>The addresses that host-local has given away.</summary>
    internal IReadOnlyList<string> Taken(string network = "twill") =>
        [
            .. Directory
                .GetFiles(Host.At($"/run/host-local/{network}"))
                .Select(file => Path.GetFileName(file))
                .Where(file => IPAddress.TryParse(file, out _)),
        ];

    public void Dispose() => Lab?.Dispose();
}
