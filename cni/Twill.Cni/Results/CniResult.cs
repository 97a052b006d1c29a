using System.Net;
using System.Net.Sockets;

namespace Twill.Cni;

/// <summary>What an ADD made, independent of the version that carries it (SPEC section 5).</summary>
public sealed record CniResult
{
    /// <summary>Interfaces made, host side included. An IPAM plugin lists none.</summary>
    public IReadOnlyList<CniInterface> Interfaces { get; init; } = [];

    /// <summary>Addresses assigned.</summary>
    public IReadOnlyList<CniIp> Ips { get; init; } = [];

    /// <summary>Routes made.</summary>
    public IReadOnlyList<CniRoute> Routes { get; init; } = [];

    /// <summary>Resolver settings.</summary>
    public CniDns Dns { get; init; } = CniDns.Empty;

    /// <summary>The interface an address is on; null when the result does not say.</summary>
    public CniInterface? InterfaceOf(CniIp ip) =>
        ip.InterfaceIndex is int index && index >= 0 && index < Interfaces.Count ? Interfaces[index] : null;

    /// <summary>What a plugin of a chain answers: the result of those before it, and then its own.</summary>
    /// <param name="own">what this plugin made; its resolver settings, if it has any, stand in the place of the former</param>
    public CniResult Followed(CniResult own)
    {
        List<CniIp> ips = [.. Ips];
        foreach (CniIp ip in own.Ips)
        {
            ips.Add(ip with { InterfaceIndex = ip.InterfaceIndex + Interfaces.Count });
        }

        return new CniResult
        {
            Interfaces = [.. Interfaces, .. own.Interfaces],
            Ips = ips,
            Routes = [.. Routes, .. own.Routes],
            Dns = own.Dns.IsEmpty ? Dns : own.Dns,
        };
    }

    /// <summary>
    /// The same without the addresses that it says are on other interfaces than one of a container: in a chain, those of other plugins.
    /// </summary>
    public CniResult Of(string ifName)
    {
        List<CniIp> ips = new(Ips.Count);
        foreach (CniIp ip in Ips)
        {
            if (InterfaceOf(ip) is not { } on || (on.Name == ifName && on.Sandbox.Length > 0))
            {
                ips.Add(ip);
            }
        }
        return this with { Ips = ips };
    }

    /// <summary>The first address of a family; null when there is none.</summary>
    public CniIp? First(AddressFamily family)
    {
        foreach (CniIp ip in Ips)
        {
            if (ip.Address.AddressFamily == family)
            {
                return ip;
            }
        }
        return null;
    }

    /// <summary>Reads a result in the shape of the version it names (<c>cniVersion</c>), else of <paramref name="assumed"/>.</summary>
    /// <param name="at">where the result lies; complaints carry its path</param>
    /// <param name="assumed">the version when the result names none</param>
    /// <exception cref="CniException">the reader's code: a member has the wrong form, or the version is unknown</exception>
    public static CniResult Parse(ConfigReader at, CniVersion assumed) => CniResultReader.Read(at, assumed);

    /// <summary>The result as JSON in the shape of a version.</summary>
    public byte[] ToJson(CniVersion version) => CniResultWriter.Write(this, version);
}

/// <summary>An interface of a result.</summary>
/// <param name="Name">its name in its namespace</param>
/// <param name="Mac">hardware address, lower-case hex with colons; empty when not applicable</param>
/// <param name="Mtu">bytes; 0 when unknown (shown from 1.1.0)</param>
/// <param name="Sandbox">CNI_NETNS for the container's side, empty for the host's</param>
/// <param name="SocketPath">path of a socket that serves the interface, or empty (shown from 1.1.0)</param>
/// <param name="PciId">identifier of its PCI device, or empty (shown from 1.1.0)</param>
public sealed record CniInterface(
    string Name,
    string Mac = "",
    int Mtu = 0,
    string Sandbox = "",
    string SocketPath = "",
    string PciId = ""
);

/// <summary>An address of a result.</summary>
/// <param name="Address">the address itself, not its network</param>
/// <param name="PrefixLength">bits of its network</param>
/// <param name="Gateway">gateway of that network, if one exists</param>
/// <param name="InterfaceIndex">index into the result's interfaces; null from an IPAM plugin</param>
public sealed record CniIp(IPAddress Address, int PrefixLength, IPAddress? Gateway = null, int? InterfaceIndex = null)
{
    /// <summary><c>10.1.0.5/16</c></summary>
    public string Cidr => $"{Address}/{PrefixLength}";
}

/// <summary>A route of a result. All but destination and gateway are shown from 1.1.0.</summary>
/// <param name="Dst">destination</param>
/// <param name="Gw">next hop; null: the gateway of the addresses of the same family may be used</param>
/// <param name="Mtu">path MTU in bytes; 0: not set</param>
/// <param name="AdvMss">advertised TCP segment size in bytes; 0: not set</param>
/// <param name="Priority">metric, lower is preferred; 0: not set</param>
/// <param name="Table">routing table; null: main</param>
/// <param name="Scope">global (0), link (253), host (254); null: not set</param>
public sealed record CniRoute(
    IPNetwork Dst,
    IPAddress? Gw = null,
    int Mtu = 0,
    int AdvMss = 0,
    int Priority = 0,
    uint? Table = null,
    int? Scope = null
);

/// <summary>Resolver settings of a result or a configuration.</summary>
/// <param name="Nameservers">addresses, preferred first</param>
/// <param name="Domain">local domain; empty when none</param>
/// <param name="Search">search domains, preferred first</param>
/// <param name="Options">resolver options</param>
public sealed record CniDns(IReadOnlyList<string> Nameservers, string Domain, IReadOnlyList<string> Search, IReadOnlyList<string> Options)
{
    /// <summary>No settings.</summary>
    public static CniDns Empty { get; } = new([], "", [], []);

    /// <summary>Whether nothing is set.</summary>
    public bool IsEmpty => Nameservers.Count == 0 && Domain.Length == 0 && Search.Count == 0 && Options.Count == 0;

    /// <summary>Reads a <c>dns</c> dictionary; nothing set when it is absent.</summary>
    public static CniDns Parse(ConfigReader at)
    {
        if (at.Object() is not ConfigReader dns)
        {
            return Empty;
        }

        ConfigReader servers = dns["nameservers"];
        foreach (ConfigReader server in servers.Items())
        {
            server.Address();
        }

        return new CniDns(
            servers.StringList(),
            dns["domain"].OptionalString() ?? "",
            dns["search"].StringList(),
            dns["options"].StringList()
        );
    }

    /// <summary>
    /// The resolver settings that a runtime gives for one container (<c>runtimeConfig.dns</c>, capability <c>dns</c>: <c>servers</c>,
    /// <c>searches</c>, <c>options</c>). They stand in the place of everything that is configured.
    /// </summary>
    /// <param name="runtimeConfig">the capability arguments, keys without regard to case; null: none</param>
    /// <returns>null when it gives none</returns>
    public static CniDns? OfRuntime(ConfigReader? runtimeConfig)
    {
        if (runtimeConfig?["dns"].Object() is not { } dns)
        {
            return null;
        }

        ConfigReader servers = dns["servers"];
        foreach (ConfigReader server in servers.Items())
        {
            server.Address();
        }

        CniDns given = new(servers.StringList(), "", dns["searches"].StringList(), dns["options"].StringList());
        return given.IsEmpty ? null : given;
    }
}
