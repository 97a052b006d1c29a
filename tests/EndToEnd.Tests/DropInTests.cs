using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>
/// Each key that the reference plugins and flannel document: what it does in the kernel, beside what the reference plugin does with it, or
/// that twill refuses it (code 2) and names it.
/// </summary>
public sealed class DropInTests : IDisposable
{
    // The keys of the plugins' documentation, without those of the CNI specification.
    private static readonly Dictionary<string, string[]> s_documented = new()
    {
        ["bridge"] =
        [
            .. "bridge isGateway isDefaultGateway forceAddress ipMasq ipMasqBackend mtu hairpinMode promiscMode vlan vlanTrunk".Split(' '),
            .. "preserveDefaultVlan macspoofchk portIsolation enabledad disableContainerInterface".Split(' '),
        ],
        ["host-local"] = "subnet rangeStart rangeEnd gateway ranges routes resolvConf dataDir".Split(' '),
        ["flannel"] = "subnetFile dataDir delegate".Split(' '),
        ["macvlan"] = "master mode mtu linkInContainer bcqueuelen".Split(' '),
        ["ipvlan"] = "master mode mtu linkInContainer".Split(' '),
        ["vlan"] = "master vlanId mtu linkInContainer".Split(' '),
    };

    private readonly SingleHost _single = new();
    private int _containers,
        _networks;

    private LabHost Host => _single.Host;

    [RequiresRootFact]
    public void Every_key_of_every_plugin_does_what_it_does_there_or_is_refused()
    {
        Dictionary<string, Action> bridge = new()
        {
            ["bridge"] = () => Same("'isGateway':true", (at, _) => Link(at)["linkinfo"]!["info_kind"]!.ToString(), "bridge"),
            ["isGateway"] = () =>
            {
                Same("'isGateway':true", (at, _) => Addresses(at), "10.66.0.1/24");
                Same("'isGateway':false", (at, _) => Addresses(at), "");
            },
            ["isDefaultGateway"] = () =>
                Same("'isDefaultGateway':true", (_, c) => c.Ip("route show default").Trim(), "default via 10.66.0.1 dev eth0"),
            ["ipMasq"] = () => Same("'ipMasq':true,'isDefaultGateway':true", (_, c) => $"{c.CanPing(Lab.OutsideAddress)}", "True"),
            ["mtu"] = () => Same("'mtu':1300", (_, c) => $"{c.IpJson("link show dev eth0")[0].GetProperty("mtu")}", "1300"),
            ["hairpinMode"] = () => Same("'hairpinMode':true", (at, _) => $"{Port(at)["hairpin"]}", "true"),
            ["promiscMode"] = () =>
                Same("'promiscMode':true", (at, _) => $"{Flags(at).Contains("PROMISC")} {Port(at)["hairpin"]}", "True false"),
            ["forceAddress"] = () =>
                Same("'isGateway':true,'forceAddress':true", (at, _) => Addresses(at), "10.66.0.9/24", gateway: "10.66.0.9"),
            ["macspoofchk"] = () =>
            {
                Same("'isGateway':true,'macspoofchk':false", (_, c) => Spoofs(c), "True");
                Same("'isGateway':true,'macspoofchk':true", (_, c) => Spoofs(c), "False");
            },
            ["portIsolation"] = () => Same("'portIsolation':true", (at, _) => $"{Port(at)["isolated"]}", "true"),
            ["enabledad"] = AddressesAreAskedFor,
            ["ipMasqBackend"] = () => Refused("'ipMasqBackend':'iptables'", "ipMasqBackend"),
            ["vlan"] = () => Refused("'vlan':100", "vlan"),
            ["vlanTrunk"] = () => Refused("'vlanTrunk':[{'id':101}]", "vlanTrunk"),
            ["preserveDefaultVlan"] = () => Refused("'preserveDefaultVlan':false", "preserveDefaultVlan"),
            ["disableContainerInterface"] = () => Refused("'disableContainerInterface':true", "disableContainerInterface"),
        };
        Dictionary<string, Action> addresses = new()
        {
            ["subnet"] = () => SameAddress("'subnet':'10.1.0.0/24'", "10.1.0.2/24 10.1.0.1"),
            ["rangeStart"] = () => SameAddress("'subnet':'10.1.0.0/24','rangeStart':'10.1.0.9'", "10.1.0.9/24 10.1.0.1"),
            ["rangeEnd"] = () => SameAddress("'subnet':'10.1.0.0/24','rangeEnd':'10.1.0.7'", "10.1.0.2/24 10.1.0.1"),
            ["gateway"] = () => SameAddress("'subnet':'10.1.0.0/24','gateway':'10.1.0.2'", "10.1.0.1/24 10.1.0.2"),
            ["ranges"] = () =>
            {
                SameAddress("'ranges':[[{'subnet':'10.1.0.0/30'},{'subnet':'10.2.0.0/24'}]]", "10.1.0.2/30 10.1.0.1");
                SameAddress(
                    "'ranges':[[{'subnet':'10.1.0.0/24'}],[{'subnet':'fd00:1::/64'}]]",
                    "10.1.0.2/24 10.1.0.1, fd00:1::2/64 fd00:1::1"
                );
                RefusedAddress("'ranges':[[{'subnet':'10.1.0.0/24'}],[{'subnet':'10.2.0.0/24'}]]", "ipam.ranges[1]");
                RefusedAddress("'ranges':[[{'subnet':'10.1.0.5/32'}]]", "ipam.ranges[0][0].subnet");
            },
            ["routes"] = () =>
                SameAddress(
                    "'subnet':'10.1.0.0/24','routes':[{'dst':'10.9.0.0/16','gw':'10.1.0.7'}]",
                    "10.1.0.2/24 10.1.0.1 10.9.0.0/16 10.1.0.7"
                ),
            ["resolvConf"] = () =>
            {
                Host.Write("/run/resolv", "nameserver 9.9.9.9\n");
                SameAddress("'subnet':'10.1.0.0/24','resolvConf':'/run/resolv'", "10.1.0.2/24 10.1.0.1 9.9.9.9");
            },
            ["dataDir"] = () =>
            {
                SameAddress("'subnet':'10.1.0.0/24','dataDir':'/run/DIR'", "10.1.0.2/24 10.1.0.1", keeps: true);
                File.Exists(Host.At($"/run/host-local/net{_networks}/10.1.0.2")).Should().BeTrue();
                File.Exists(Host.At($"/run/twill-ipam/net{_networks}/10.1.0.2")).Should().BeTrue();
            },
        };
        Dictionary<string, Action> parents = new()
        {
            ["master"] = () => Refused("'master':'eth0'", "master"),
            ["mode"] = () => Refused("'mode':'bridge'", "mode"),
            ["mtu"] = bridge["mtu"],
            ["linkInContainer"] = () => Refused("'linkInContainer':true", "linkInContainer"),
            ["bcqueuelen"] = () => Refused("'bcqueuelen':100", "bcqueuelen"),
            ["vlanId"] = () => Refused("'vlanId':5", "vlanId"),
        };
        Dictionary<string, Action> flannel = new()
        {
            ["subnetFile"] = () => Refused("'subnetFile':'/run/flannel/subnet.env'", "subnetFile"),
            ["dataDir"] = () => Refused("'dataDir':'/var/lib/cni/flannel'", "dataDir"),
            ["delegate"] = () => Refused("'delegate':{'isDefaultGateway':true}", "delegate"),
        };

        HashSet<Action> done = [];
        foreach ((string plugin, string[] keys) in s_documented)
        {
            Dictionary<string, Action> known = plugin switch
            {
                "bridge" => bridge,
                "host-local" => addresses,
                "flannel" => flannel,
                _ => parents,
            };
            foreach (string key in keys)
            {
                known.Should().ContainKey(key, $"it is a key of {plugin}");
                if (done.Add(known[key]))
                {
                    known[key]();
                }
            }
        }
    }

    public void Dispose() => _single.Dispose();

    /// <summary>What is seen of a key in the kernel is the same with the reference plugin, if the installed one knows the key, and with
    /// twill.</summary>
    /// <param name="members">Keys of the plugin.</param>
    /// <param name="seen">What is seen, of the bridge and in a container.</param>
    /// <param name="wanted">What it should be.</param>
    /// <param name="gateway">The gateway, after one container that had another.</param>
    private void Same(string members, Func<string, LabContainer, string> seen, string wanted, string? gateway = null)
    {
        foreach (string plugin in (string[])["bridge", "twill"])
        {
            if (plugin == "bridge" && !ReferenceKnows(members))
            {
                continue;
            }

            string bridge = $"{plugin}9";
            LabContainer container = Host.NewContainer($"c{++_containers}");
            CniProcess process = Host.Plugin(plugin, container);
            string conf = With("");
            if (gateway is not null)
            {
                process.Add(conf).OrThrow();
                process.Del(conf).OrThrow();
                Addresses(bridge).Should().Be("10.66.0.1/24");
                conf = With($",'gateway':'{gateway}'");
            }

            process.Add(conf).OrThrow();

            seen(bridge, container).Should().Be(wanted, $"{plugin} does so with {members}");

            process.Del(conf).OrThrow();
            Host.Ip($"link delete {bridge}");

            string With(string range) =>
                Conf(
                    plugin,
                    $"'bridge':'{bridge}',{members}",
                    $"'type':'host-local','subnet':'10.66.0.0/24'{range},'dataDir':'/run/{plugin}'"
                );
        }
    }

    private void SameAddress(string members, string wanted, bool keeps = false)
    {
        _networks++; // each begins with the first address
        foreach (string plugin in (string[])["host-local", "twill-ipam"])
        {
            CniProcess process = Host.Plugin(plugin) with { ContainerId = "c", IfName = "eth0", Netns = "/run/netns/c" };
            string conf = Conf("bridge", "'bridge':'x'", $"'type':'{plugin}',{members.Replace("DIR", plugin)}");
            JsonElement result = process.Add(conf).OrThrow().Json;

            Given(result).Should().Be(wanted, $"{plugin} gives that with {members}");

            if (!keeps)
            {
                process.Del(conf).OrThrow();
            }
        }
    }

    private void Refused(string members, string key) =>
        Refused(
            Host.Plugin("twill", Host.Container("none")) with { Netns = "/proc/self/ns/net" },
            Conf("twill", members, "'type':'host-local'"),
            key
        );

    private void RefusedAddress(string members, string path) =>
        Refused(
            Host.Plugin("twill-ipam") with { ContainerId = "c", IfName = "eth0", Netns = "/run/netns/c" },
            Conf("bridge", "'bridge':'x'", $"'type':'twill-ipam',{members}"),
            path
        );

    private static void Refused(CniProcess process, string conf, string path)
    {
        CniAnswer answer = process.Add(conf);
        answer.ErrorCode.Should().Be(2, answer.Stdout);
        answer.ErrorText.Should().Contain($"$.{path}");
    }

    /// <summary>The kernel asks for the address before it is used. (The reference plugin waits ten seconds for one that somebody has:
    /// only twill is shown to refuse that.)</summary>
    private void AddressesAreAskedFor()
    {
        foreach (string plugin in (string[])["bridge", "twill"])
        {
            string bridge = $"{plugin}9",
                ipam = $"'type':'host-local','subnet':'fd00:66::/64','dataDir':'/run/{plugin}'",
                conf = Conf(plugin, $"'bridge':'{bridge}','enabledad':true", ipam);
            LabContainer container = Host.NewContainer($"c{++_containers}");
            CniProcess process = Host.Plugin(plugin, container);
            process.Add(conf).OrThrow();
            container.Ip("-6 address show dev eth0 scope global").Should().Contain("fd00:66::").And.NotContainAny("tentative", "nodad");
            process.Del(conf).OrThrow();
            if (plugin == "bridge")
            {
                Host.Ip($"link delete {bridge}");
                continue;
            }

            LabContainer other = Host.NewContainer($"c{++_containers}");
            Host.Ip($"link add o{_containers} master {bridge} up type veth peer name eth0 netns {other.Name}");
            other.IpBatch("link set eth0 up", "address add fd00:66::3/64 dev eth0 nodad");
            other.WaitForCarrier("eth0");

            CniAnswer answer = process.Add(conf);

            answer.ErrorText.Should().Contain("somebody else has the container's address fd00:66::3 already");
            process.Del(conf).OrThrow();
            Host.IpBatch($"link delete o{_containers}", $"link delete {bridge}");
        }
    }

    /// <summary>Debian's plugins may be older than a key: what they ignore is no measure.</summary>
    private static bool ReferenceKnows(string members)
    {
        ReadOnlySpan<byte> program = File.ReadAllBytes(Path.Combine(RepoPaths.ReferencePlugins, "bridge"));
        foreach (string member in members.Split(','))
        {
            if (program.IndexOf(global::System.Text.Encoding.ASCII.GetBytes(member.Split('\'')[1])) < 0)
            {
                return false;
            }
        }

        return true;
    }

    private string Conf(string type, string members, string ipam) =>
        $"{{'cniVersion':'1.0.0','name':'net{_networks}','type':'{type}',{members},'ipam':{{{ipam}}}}}".Replace('\'', '"');

    private static string Given(JsonElement result)
    {
        List<string> texts = [];
        foreach (JsonElement ip in result.GetProperty("ips").EnumerateArray())
        {
            texts.Add($"{ip.GetProperty("address")} {ip.GetProperty("gateway")}");
        }

        string text = string.Join(", ", texts);
        if (result.TryGetProperty("routes", out JsonElement routes))
        {
            text += string.Concat(routes.EnumerateArray().Select(route => $" {route.GetProperty("dst")} {route.GetProperty("gw")}"));
        }

        return result.TryGetProperty("dns", out JsonElement dns) && dns.TryGetProperty("nameservers", out JsonElement servers)
            ? text + string.Concat(servers.EnumerateArray().Select(server => $" {server}"))
            : text;
    }

    private string Spoofs(LabContainer container)
    {
        container.Ip("link set dev eth0 address 02:00:00:00:00:99");
        return $"{container.CanPing("10.66.0.1")}";
    }

    private JsonObject Link(string name) => JsonNode.Parse(Host.IpJson($"link show dev {name}")[0].GetRawText())!.AsObject();

    private string Flags(string name) => Link(name)["flags"]!.ToJsonString();

    private JsonNode Port(string bridge) =>
        JsonNode.Parse(Host.IpJson($"link show master {bridge}")[0].GetRawText())!["linkinfo"]!["info_slave_data"]!;

    private string Addresses(string name) =>
        string.Join(
            ' ',
            Host.IpJson($"-4 address show dev {name}")
                .EnumerateArray()
                .SelectMany(link => link.GetProperty("addr_info").EnumerateArray())
                .Select(one => $"{one.GetProperty("local")}/{one.GetProperty("prefixlen")}")
        );
}
