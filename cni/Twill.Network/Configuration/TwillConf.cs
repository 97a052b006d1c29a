using System.Net;
using System.Text.Json;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>One network as its configuration describes it, read whole and checked: the three programs read the same.</summary>
public sealed record TwillConf
{
    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>The main plugin's name.</summary>
    public const string MainPlugin = "twill";

    /// <summary>The IPAM plugin's name.</summary>
    public const string IpamPlugin = "twill-ipam";

    /// <summary>The network's name.</summary>
    public required string Name { get; init; }

    /// <summary>The CNI version the configuration is in.</summary>
    public required CniVersion CniVersion { get; init; }

    /// <summary>The main plugin: <c>twill</c>, or another one that uses <c>twill-ipam</c>.</summary>
    public required string Type { get; init; }

    /// <summary>Whether the main plugin is another one; then all it configures is its own business: bridge, MTU, masquerading.</summary>
    public bool IsForeign => Type != MainPlugin;

    /// <summary>The host bridge; made when missing.</summary>
    public string Bridge { get; init; } = "twill0";

    /// <summary>The administrator's LAN that containers are on; null: the network is twill's own.</summary>
    public LanConf? Lan { get; init; }

    /// <summary>Bytes; 0: the underlay's MTU less the backend's overhead.</summary>
    public int Mtu { get; init; }

    /// <summary>Source NAT for traffic that leaves the cluster network.</summary>
    public bool IpMasq { get; init; } = true;

    /// <summary>Destinations that see the container's own address.</summary>
    public IReadOnlyList<IPNetwork> NonMasqueradeCidrs { get; init; } = [];

    /// <summary>Whether a container reaches its own published port.</summary>
    public bool HairpinMode { get; init; } = true;

    /// <summary>Whether containers of other networks on the hosts are kept from those of this one.</summary>
    public bool IsIsolated { get; init; } = true;

    /// <summary>Whether containers of the network reach each other.</summary>
    public bool Icc { get; init; } = true;

    /// <summary>Whether this host is the gateway: its bridge has the gateway's address. Otherwise another machine on the bridge's link
    /// has.</summary>
    public bool IsGateway { get; init; } = true;

    /// <summary>Whether containers get a default route by the gateway of each address, besides the IPAM plugin's routes.</summary>
    public bool IsDefaultGateway { get; init; }

    /// <summary>The key of the file in which the main plugin writes a line for each call.</summary>
    private const string LogFileKey = "logFile";

    /// <summary>The key of <see cref="ForceHostPorts"/>.</summary>
    public const string HostPortInUseKey = "hostPortInUse";

    /// <summary>Its value for true; the other one is <c>refuse</c>.</summary>
    public const string Force = "force";

    /// <summary>Whether the bridge takes all frames, whomever they are for.</summary>
    public bool PromiscMode { get; init; }

    /// <summary>Whether containers exchange frames with the bridge only, not with each other.</summary>
    public bool PortIsolation { get; init; }

    /// <summary>Whether other addresses in the containers' subnets are taken off the bridge for the gateways'.</summary>
    public bool ForceAddress { get; init; }

    /// <summary>Whether a container asks if anybody has its IPv6 address before it uses it.</summary>
    public bool EnableDad { get; init; }

    /// <summary>Whether ports are published that a process of the host listens on.</summary>
    public bool ForceHostPorts { get; init; }

    /// <summary>Whether a container may send under its own hardware address and addresses only.</summary>
    public bool AntiSpoof { get; init; } = true;

    /// <summary>Addresses that containers may use beside their own; none inside another.</summary>
    public IReadOnlyList<IPNetwork> AllowedAddresses { get; init; } = [];

    /// <summary>How containers are found by name; null: they are not.</summary>
    public NamesConf? Names { get; init; }

    /// <summary>How hosts reach each other's containers.</summary>
    public required BackendConf Backend { get; init; }

    /// <summary>Where addresses come from.</summary>
    public required IpamConf Ipam { get; init; }

    /// <summary>The plugin's own resolver settings; those of the IPAM plugin come first.</summary>
    public CniDns Dns { get; init; } = CniDns.Empty;

    /// <summary>Resolver settings that the runtime gives for this call; null: none.</summary>
    public CniDns? RuntimeDns { get; init; }

    /// <summary>Capability arguments of this call (keys without regard to case); null when there are none.</summary>
    public ConfigReader? RuntimeConfig { get; init; }

    /// <summary>Ports that this call asks for (<c>runtimeConfig.portMappings</c>).</summary>
    public IReadOnlyList<PortMapping> PortMappings { get; init; } = [];

    /// <summary>Reads the configuration of a call, for the main plugin.</summary>
    /// <param name="plugin">the whole document; <see cref="ConfigReader.Lenient"/> for DEL</param>
    /// <param name="backends">the backends there are</param>
    /// <exception cref="CniException">code 7, naming path, value and expectation</exception>
    public static TwillConf Parse(ConfigReader plugin, BackendTypes backends) =>
        Parse(plugin, plugin["name"].OptionalString() ?? "", VersionOf(plugin), backends);

    /// <summary>
    /// Reads the configuration of a call, for the IPAM plugin: whole when the main plugin is twill, else only <c>ipam</c> (and
    /// <c>backend</c>, if it is there: without one nothing joins the hosts but what the operator does).
    /// </summary>
    /// <param name="plugin">the whole document; <see cref="ConfigReader.Lenient"/> for DEL</param>
    /// <param name="backends">the backends there are</param>
    /// <exception cref="CniException">code 7, naming path, value and expectation</exception>
    public static TwillConf ParseForIpam(ConfigReader plugin, BackendTypes backends) => Parse(plugin, backends);

    /// <summary>The same with name and version from elsewhere: in a configuration list they stand beside the plugins.</summary>
    internal static TwillConf Parse(ConfigReader plugin, string name, CniVersion version, BackendTypes backends)
    {
        if (CniNames.NetworkNameFault(name) is string badName)
        {
            plugin["name"].Complain($"a network name ({badName})", false);
        }

        if (name == State.NodeIdentity.NodeIdFile)
        {
            plugin["name"].Complain($"another name than {name}, which is a file of this host's in ipam.dataDir", false);
        }

        string type = PluginType(plugin["type"]);
        LanConf? lan = type == MainPlugin ? LanConf.Read(plugin) : null;
        IpamConf ipam = IpamConf.Parse(plugin["ipam"], name, type, isLan: lan is not null);
        lan?.RefuseIPv6(plugin, ipam);
        BackendConf backend = backends.Parse(plugin["backend"], lan is null ? DefaultBackend(type, ipam, backends) : backends.None);
        if (backend.JoinsHosts && ipam.Etcd is null)
        {
            plugin["backend"]["type"].Complain("none: hosts can be joined only when ipam leases subnets from etcd", false);
        }

        var conf = new TwillConf
        {
            Name = name,
            CniVersion = version,
            Type = type,
            Backend = backend,
            Ipam = ipam,
        };
        if (conf.IsForeign)
        {
            return conf;
        }

        ReferenceKeys.RefuseUnsupported(plugin);
        RefuseLogFile(plugin[LogFileKey]);
        bool promiscuous = plugin["promiscMode"].Bool(false),
            icc = plugin["icc"].Bool(true);
        ConfigReader? runtimeConfig = plugin["runtimeConfig"].IgnoringCase().Object();
        bool isGateway = lan is null && (plugin["isGateway"].Bool(true) || plugin["isDefaultGateway"].Bool(false)); // the latter means both
        return conf with
        {
            Lan = lan,
            Bridge = lan?.Device ?? ReadBridge(plugin["bridge"], backend),
            Mtu = ReadMtu(plugin["mtu"]),
            IpMasq = plugin["ipMasq"].Bool(lan is null),
            NonMasqueradeCidrs = ReadNetworks(plugin["nonMasqueradeCIDRs"]),
            PromiscMode = promiscuous,
            HairpinMode = ReadHairpin(plugin["hairpinMode"], promiscuous, fallback: lan is null),
            IsIsolated = plugin["isolated"].Bool(lan is null),
            Icc = icc,
            PortIsolation = Isolation.ReadPortIsolation(plugin["portIsolation"], icc),
            IsGateway = isGateway,
            IsDefaultGateway = plugin["isDefaultGateway"].Bool(false),
            ForceAddress = plugin["forceAddress"].Bool(false),
            EnableDad = plugin["enabledad"].Bool(false),
            ForceHostPorts = ReadHostPortInUse(plugin[HostPortInUseKey]),
            AntiSpoof = Isolation.ReadAntiSpoof(plugin),
            AllowedAddresses = Isolation.ReadAllowedAddresses(plugin["allowedAddresses"]),
            Names = plugin[NamesConf.Key].Exists ? NamesConf.Parse(plugin, name, isGateway, ipam) : null,
            Dns = CniDns.Parse(plugin["dns"]),
            RuntimeDns = CniDns.OfRuntime(runtimeConfig),
            RuntimeConfig = runtimeConfig,
            PortMappings = runtimeConfig is null ? [] : PortMapping.ParseList(runtimeConfig["portMappings"]),
        };
    }

    /// <summary>The file that a configuration names for a line of each call, also where the rest of it is wrong; null: none.</summary>
    public static string? LogFileOf(JsonElement plugin) =>
        plugin.ValueKind == JsonValueKind.Object
        && plugin.TryGetProperty(LogFileKey, out JsonElement at)
        && at.ValueKind == JsonValueKind.String
        && at.GetString() is ['/', _, ..] path
            ? path
            : null;

    private static void RefuseLogFile(ConfigReader at)
    {
        if (at.OptionalString() is { } path && path is not ['/', _, ..])
        {
            at.Complain("the absolute path of a file", false);
        }
    }

    private static CniVersion VersionOf(ConfigReader plugin) =>
        plugin["cniVersion"].OptionalString() is string text && CniVersion.TryParse(text, out CniVersion version)
            ? version
            : CniVersion.V0_1_0;

    private static string PluginType(ConfigReader at)
    {
        string type = at.RequiredString("the plugin's type");
        return CniNames.PluginTypeFault(type) is string fault && type.Length > 0 ? at.Complain(fault["expected ".Length..], type) : type;
    }

    /// <summary>One host alone needs no backend; another main plugin brings its own ideas unless it is told.</summary>
    private static BackendConf DefaultBackend(string type, IpamConf ipam, BackendTypes backends) =>
        type == MainPlugin && ipam.Etcd is not null ? backends.Default : backends.None;

    private static string ReadBridge(ConfigReader at, BackendConf backend)
    {
        string name = at.OptionalString() ?? "twill0";
        if (CniNames.InterfaceNameFault(name) is string fault)
        {
            return at.Complain($"an interface name ({fault})", "twill0");
        }

        return backend.DeviceNames.Contains(name) ? at.Complain($"another name than the overlay device's ({name})", "twill0") : name;
    }

    /// <summary>A bridge that takes all frames sends back what a container sends to itself already: twice is once too often.</summary>
    private static bool ReadHairpin(ConfigReader at, bool promiscuous, bool fallback)
    {
        bool hairpin = at.Bool(fallback && !promiscuous);
        if (hairpin && promiscuous)
        {
            at.ComplainText("expected false beside \"promiscMode\": true, as in the plugin bridge: leave one of them out");
        }

        return hairpin;
    }

    private static bool ReadHostPortInUse(ConfigReader at) =>
        at.OptionalString() switch
        {
            null or "refuse" => false,
            Force => true,
            _ => at.Complain("refuse or force", false),
        };

    private static int ReadMtu(ConfigReader at)
    {
        int mtu = at.Int(0, 0, 65535);
        return mtu is 0 or >= 576 ? mtu : at.Complain("0 (from the underlay) or a whole number from 576 to 65535", 0);
    }

    private static List<IPNetwork> ReadNetworks(ConfigReader at)
    {
        var networks = new List<IPNetwork>();
        foreach (ConfigReader item in at.Items())
        {
            if (item.OptionalNetwork() is IPNetwork network)
            {
                networks.Add(network);
            }
            else
            {
                item.Complain($"a prefix like 10.0.0.0/8", false);
            }
        }
        return networks;
    }
}
