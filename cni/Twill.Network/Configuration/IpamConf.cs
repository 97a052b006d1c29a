using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>
/// The <c>ipam</c> section. For <c>twill-ipam</c> it is one of two: leases from etcd (<see cref="Etcd"/>,
/// <see cref="IpamFamily.Network"/>), or one
/// fixed subnet (<see cref="IpamFamily.Subnet"/>); IPv6 comes beside IPv4. For another IPAM plugin only the type is read.
/// </summary>
public sealed record IpamConf
{
    /// <inheritdoc/>
    public override string ToString() => Type;

    private static readonly IpamFamily NoIPv4 = new(AddressFamily.InterNetwork);

    private readonly List<IpamFamily> _families = [];

    /// <summary>The IPAM plugin; empty only after a noted complaint.</summary>
    public required string Type { get; init; }

    /// <summary>Whether this is another IPAM plugin, which reads its section itself.</summary>
    public bool IsForeign => Type != TwillConf.IpamPlugin;

    /// <summary>The address families that containers get one address each of, IPv4 first; empty for another IPAM plugin.</summary>
    public IReadOnlyList<IpamFamily> Families
    {
        get => _families;
        init => _families = [.. value];
    }

    /// <summary>What is said of IPv4; all of it unset for another IPAM plugin.</summary>
    public IpamFamily IPv4 => Of(AddressFamily.InterNetwork) ?? NoIPv4;

    /// <summary>What is said of IPv6; null when containers get none.</summary>
    public IpamFamily? IPv6 => Of(AddressFamily.InterNetworkV6);

    /// <summary>Where the addresses of all containers of the network are, IPv4 first: cluster networks or fixed subnets.</summary>
    public IReadOnlyList<IPNetwork> Ranges
    {
        get
        {
            var ranges = new List<IPNetwork>(_families.Count);
            foreach (IpamFamily family in _families)
            {
                if (family.Network is IPNetwork cluster)
                {
                    ranges.Add(cluster);
                }

                foreach (FixedRange range in family.Fixed)
                {
                    if (!ranges.Contains(range.Subnet))
                    {
                        ranges.Add(range.Subnet);
                    }
                }
            }
            return ranges;
        }
    }

    /// <summary>Where leases come from; null with a fixed subnet.</summary>
    public EtcdConf? Etcd { get; init; }

    /// <summary>Seconds a lease lasts without renewal.</summary>
    public long LeaseTtl { get; init; } = 86_400;

    /// <summary>Where the records of addresses are kept, unless the configuration says otherwise.</summary>
    public const string DefaultDataDir = "/var/lib/cni/twill";

    /// <summary>Where the records of addresses are kept.</summary>
    public string DataDir { get; init; } = DefaultDataDir;

    /// <summary>Routes for the container.</summary>
    public IReadOnlyList<CniRoute> Routes { get; init; } = [];

    /// <summary>Resolver settings for the container.</summary>
    public CniDns Dns { get; init; } = CniDns.Empty;

    /// <summary>A resolv.conf to take the resolver settings from; null: none.</summary>
    public string? ResolvConf { get; init; }

    internal static IpamConf Parse(ConfigReader at, string networkName, string mainPlugin, bool isLan = false)
    {
        if (at.Object() is null)
        {
            return at.Complain("an ipam section", new IpamConf { Type = "" });
        }

        string type = at["type"].RequiredString("the IPAM plugin's name");
        if (type.Length > 0 && CniNames.PluginTypeFault(type) is string fault)
        {
            at["type"].Complain(fault["expected ".Length..], false);
        }

        if (type != TwillConf.IpamPlugin)
        {
            return type == TwillConf.MainPlugin || type == mainPlugin
                ? at["type"].Complain($"the name of an IPAM plugin: {type} would run itself, without end", new IpamConf { Type = "" })
                : new IpamConf { Type = type };
        }

        ConfigReader? section = at.Section(
            "type",
            "network",
            "subnetLen",
            "subnetMin",
            "subnetMax",
            "etcd",
            "leaseTtl",
            "subnet",
            "rangeStart",
            "rangeEnd",
            "gateway",
            "ipv6Network",
            "ipv6SubnetLen",
            "ipv6SubnetMin",
            "ipv6SubnetMax",
            "ipv6Subnet",
            "ipv6RangeStart",
            "ipv6RangeEnd",
            "ipv6Gateway",
            "ranges",
            "dataDir",
            "routes",
            "dns",
            "resolvConf"
        );
        if (section is null)
        {
            return new IpamConf { Type = type };
        }

        var conf = new IpamConf
        {
            Type = type,
            DataDir = ReadDataDir(section["dataDir"]) ?? DefaultDataDir,
            Routes = ReadRoutes(section["routes"]),
            Dns = CniDns.Parse(section["dns"]),
            ResolvConf = section["resolvConf"].OptionalPath(),
        };
        bool leased = section["etcd"].Exists,
            hasRanges = section["ranges"].Exists,
            isFixed = hasRanges || section["subnet"].IsSet || section["ipv6Subnet"].IsSet;
        if (leased && isFixed)
        {
            string other = section["subnet"].IsSet ? "subnet" : hasRanges ? "ranges" : "ipv6Subnet";
            return section[other].Complain($"either etcd or {(hasRanges ? "ranges" : "subnet")}, not both", conf);
        }

        if (leased)
        {
            return conf with
            {
                Families = ReadFamilies(section, leased: true, isLan),
                Etcd = EtcdConf.Parse(section["etcd"], networkName),
                LeaseTtl = section["leaseTtl"].Long(86_400, 2, 31_536_000),
            };
        }
        if (isFixed)
        {
            FixedSubnet.RefuseLeasing(section["leaseTtl"]);
            return conf with { Families = hasRanges ? FixedRanges.Read(section) : ReadFamilies(section, leased: false) };
        }
        section.ComplainText("expected etcd (with network) to lease subnets, or subnet for one host alone, got neither");
        return conf;
    }

    /// <summary>Reads the key <c>dataDir</c>; null when it says nothing.</summary>
    public static string? ReadDataDir(ConfigReader at) =>
        at.OptionalPath() is not { } path ? null
        : path == "/" ? at.Complain<string?>("a directory of its own, whose folders are the networks'", null)
        : path;

    /// <summary>What is said of a family; null when containers get no address of it.</summary>
    public IpamFamily? Of(AddressFamily family)
    {
        foreach (IpamFamily one in _families)
        {
            if (one.Family == family)
            {
                return one;
            }
        }
        return null;
    }

    /// <summary>The gateway of a subnet that this host leases or has: the configured one, else its first address.</summary>
    public IPAddress GatewayOf(IPNetwork subnet)
    {
        if (Of(subnet.BaseAddress.AddressFamily)?.Router is { } router)
        {
            return router;
        }

        foreach (FixedRange range in Of(subnet.BaseAddress.AddressFamily)?.Fixed ?? [])
        {
            if (range.Subnet.Equals(subnet))
            {
                return range.Gateway;
            }
        }

        return subnet.FirstHost();
    }

    /// <summary>IPv4 is always there, IPv6 beside it when the key that everything else of it hangs on is.</summary>
    private static IpamFamily[] ReadFamilies(ConfigReader section, bool leased, bool isLan = false)
    {
        FamilyKeys four = FamilyKeys.IPv4,
            six = FamilyKeys.IPv6;
        (string first, string beside) = leased ? (four.Network, six.Network) : (four.Subnet, six.Subnet);
        if (!NamesIPv6(section))
        {
            return [Read(four)];
        }

        if (section[beside].IsSet)
        {
            if (!section[first].IsSet)
            {
                section[first].Complain($"an IPv4 prefix beside {beside}: there is no network of IPv6 alone", false);
            }

            return [Read(four), Read(six)];
        }
        IpamFamily ipv4 = Read(four);
        Refuse(six);
        foreach (
            string key in leased
                ? (ReadOnlySpan<string>)[six.SubnetLen, six.SubnetMin, six.SubnetMax]
                : [six.RangeStart, six.RangeEnd, six.Gateway]
        )
        {
            if (section[key].IsSet)
            {
                section[key].ComplainText($"has no use without {beside}, which gives containers IPv6 addresses");
            }
        }
        return [ipv4];

        IpamFamily Read(FamilyKeys keys)
        {
            Refuse(keys);
            return leased ? LeasedSubnet.Read(section, keys, isLan) : FixedSubnet.Read(section, keys);
        }

        void Refuse(FamilyKeys keys)
        {
            if (leased)
            {
                LeasedSubnet.RefuseOthers(section, keys, isLan);
            }
            else
            {
                FixedSubnet.RefuseOthers(section, keys);
            }
        }
    }

    /// <summary>One look at all keys instead of one for each that could be there: most networks have none of them.</summary>
    private static bool NamesIPv6(ConfigReader section)
    {
        foreach (JsonProperty member in section.Value.EnumerateObject())
        {
            if (member.Name.StartsWith("ipv6", StringComparison.Ordinal))
            {
                return true;
            }
        }
        return false;
    }

    private static List<CniRoute> ReadRoutes(ConfigReader at)
    {
        var routes = new List<CniRoute>();
        foreach (ConfigReader item in at.Items())
        {
            if (item.Section("dst", "gw", "mtu", "advmss", "priority", "table", "scope") is not ConfigReader route)
            {
                continue;
            }

            if (route["dst"].OptionalNetwork() is not IPNetwork dst)
            {
                route["dst"].Complain("a prefix like 0.0.0.0/0", false);
                continue;
            }
            if (CniResultReader.Route(route) is not CniRoute read)
            {
                continue;
            }

            if (read.Gw is not null && read.Gw.AddressFamily != dst.BaseAddress.AddressFamily)
            {
                route["gw"].Complain($"an address of the same family as dst {dst}", false);
            }
            else
            {
                routes.Add(read);
            }
        }
        return routes;
    }
}
