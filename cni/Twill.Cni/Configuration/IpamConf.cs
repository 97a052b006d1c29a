using System.Net;
using System.Net.Sockets;

namespace Twill.Cni.Configuration;

/// <summary>
/// The <c>ipam</c> section. For <c>twill-ipam</c> it is one of two: leases from etcd (<see cref="Etcd"/>, <see cref="Network"/>), or one
/// fixed subnet (<see cref="Subnet"/>). For another IPAM plugin only the type is read.
/// </summary>
public sealed record IpamConf
{
    /// <summary>The IPAM plugin; empty only after a noted complaint.</summary>
    public required string Type { get; init; }

    /// <summary>Whether this is another IPAM plugin, which reads its section itself.</summary>
    public bool IsForeign => Type != TwillConf.IpamPlugin;

    /// <summary>With etcd: the cluster network.</summary>
    public IPNetwork? Network { get; init; }

    /// <summary>With etcd: the prefix length of a leased subnet.</summary>
    public int SubnetLen { get; init; } = 24;

    /// <summary>With etcd: the first subnet's base address; null: the network's second subnet's, as with flannel.</summary>
    public IPAddress? SubnetMin { get; init; }

    /// <summary>With etcd: the last subnet's base address; null: the network's last.</summary>
    public IPAddress? SubnetMax { get; init; }

    /// <summary>Where leases come from; null with a fixed subnet.</summary>
    public EtcdConf? Etcd { get; init; }

    /// <summary>Seconds a lease lasts without renewal.</summary>
    public long LeaseTtl { get; init; } = 86_400;

    /// <summary>The fixed subnet; null with etcd.</summary>
    public IPNetwork? Subnet { get; init; }

    /// <summary>Fixed subnet: the first address to hand out; null: the first there is.</summary>
    public IPAddress? RangeStart { get; init; }

    /// <summary>Fixed subnet: the last address to hand out; null: the last there is.</summary>
    public IPAddress? RangeEnd { get; init; }

    /// <summary>Fixed subnet: the gateway; null: the subnet's first address.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>Where the records of addresses are kept.</summary>
    public string DataDir { get; init; } = "/var/lib/cni/twill";

    /// <summary>Routes for the container.</summary>
    public IReadOnlyList<CniRoute> Routes { get; init; } = [];

    /// <summary>Resolver settings for the container.</summary>
    public CniDns Dns { get; init; } = CniDns.Empty;

    /// <summary>A resolv.conf to take the resolver settings from; null: none.</summary>
    public string? ResolvConf { get; init; }

    internal static IpamConf Parse(ConfigReader at, string networkName)
    {
        if (at.Object() is null)
            return at.Complain("an ipam section", new IpamConf { Type = "" });
        string type = at["type"].RequiredString("the IPAM plugin's name");
        if (type.Length > 0 && CniNames.PluginTypeFault(type) is string fault)
            at["type"].Complain(fault["expected ".Length..], false);
        if (type != TwillConf.IpamPlugin)
            return new IpamConf { Type = type };

        ConfigReader? section = at.Section("type", "network", "subnetLen", "subnetMin", "subnetMax", "etcd", "leaseTtl", "subnet", "rangeStart",
            "rangeEnd", "gateway", "dataDir", "routes", "dns", "resolvConf");
        if (section is null)
            return new IpamConf { Type = type };
        var conf = new IpamConf
        {
            Type = type,
            DataDir = section["dataDir"].OptionalPath() ?? "/var/lib/cni/twill",
            Routes = ReadRoutes(section["routes"]),
            Dns = CniDns.Parse(section["dns"]),
            ResolvConf = section["resolvConf"].OptionalPath(),
        };
        bool leased = section["etcd"].Exists, isFixed = section["subnet"].OptionalString() is not null;
        if (leased && isFixed)
            return section["subnet"].Complain("either etcd or subnet, not both", conf);
        if (leased)
            return Leased(conf, section, networkName);
        if (isFixed)
            return FixedSubnet.Read(conf, section);
        section.ComplainText("expected etcd (with network) to lease subnets, or subnet for one host alone, got neither");
        return conf;
    }

    private static IpamConf Leased(IpamConf conf, ConfigReader section, string networkName)
    {
        foreach (string key in (ReadOnlySpan<string>)["rangeStart", "rangeEnd", "gateway"])
        {
            if (section[key].OptionalString() is not null)
                section[key].ComplainText("belongs to a fixed subnet; with etcd every leased subnet has its own");
        }
        ConfigReader at = section["network"];
        IPNetwork? network = at.OptionalNetwork(AddressFamily.InterNetwork);
        if (network is null && !at.Exists)
            at.Complain("the cluster network, an IPv4 prefix like 10.244.0.0/16", false);
        if (network is IPNetwork found && UnusableFault(found) is string fault)
            at.Complain(fault, false);

        int length = section["subnetLen"].Int(24, 1, 30);
        if (network is IPNetwork whole && length <= whole.PrefixLength)
            section["subnetLen"].ComplainText(
                $"expected more than the network's {whole.PrefixLength} bits and at most 30, got '{length}'{(section["subnetLen"].Exists ? "" : " (the default)")}");
        IPAddress? min = Bound(section["subnetMin"], network, length), max = Bound(section["subnetMax"], network, length);
        if (min is not null && max is not null && IpText.ToNumber(min) > IpText.ToNumber(max))
            section["subnetMax"].Complain($"an address not below subnetMin {min}", false);
        return conf with
        {
            Network = network,
            SubnetLen = length,
            SubnetMin = min,
            SubnetMax = max,
            Etcd = EtcdConf.Parse(section["etcd"], networkName),
            LeaseTtl = section["leaseTtl"].Long(86_400, 2, 31_536_000),
        };
    }

    /// <summary>Addresses a container cannot have: this host's own, multicast, reserved.</summary>
    internal static string? UnusableFault(IPNetwork network)
    {
        uint first = IpText.ToNumber(network.BaseAddress);
        uint last = first | (uint)(0xFFFF_FFFFUL >> network.PrefixLength);
        return first >> 24 == 0 || last >> 29 == 7 || (first <= 0x7FFF_FFFF && last >= 0x7F00_0000)
            ? "a prefix of unicast addresses (not within 0.0.0.0/8, 127.0.0.0/8 or 224.0.0.0/3)"
            : null;
    }

    private static IPAddress? Bound(ConfigReader at, IPNetwork? network, int length)
    {
        if (at.OptionalAddress(AddressFamily.InterNetwork) is not IPAddress address || network is not IPNetwork whole)
            return null;
        if (!whole.Contains(address))
            return at.Complain($"an address within {whole}", (IPAddress?)null);
        return IpText.NetworkOf(address, length).BaseAddress.Equals(address)
            ? address
            : at.Complain($"the first address of a /{length}", (IPAddress?)null);
    }

    private static List<CniRoute> ReadRoutes(ConfigReader at)
    {
        var routes = new List<CniRoute>();
        foreach (ConfigReader item in at.Items())
        {
            if (item.Section("dst", "gw", "mtu", "advmss", "priority", "table", "scope") is not ConfigReader route)
                continue;
            if (route["dst"].OptionalNetwork() is not IPNetwork dst)
            {
                route["dst"].Complain("a prefix like 0.0.0.0/0", false);
                continue;
            }
            if (CniResultReader.Route(route) is not CniRoute read)
                continue;
            if (read.Gw is not null && read.Gw.AddressFamily != dst.BaseAddress.AddressFamily)
                route["gw"].Complain($"an address of the same family as dst {dst}", false);
            else
                routes.Add(read);
        }
        return routes;
    }
}
