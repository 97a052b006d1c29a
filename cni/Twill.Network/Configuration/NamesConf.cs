using Twill.Cni;

namespace Twill.Network.Configuration;

/// <summary>The key <c>names</c>: containers are found by name, which the agent of each host answers for at the gateway address.</summary>
/// <param name="Zone">The domain that all names are in, in lower case, without a dot at its end.</param>
/// <param name="Network">The network's name, in lower case: the label between a container's name and the zone.</param>
public sealed record NamesConf(string Zone, string Network)
{
    /// <summary>The key.</summary>
    public const string Key = "names";

    /// <summary>Where the key names no zone: <c>internal</c> is for private use by ICANN's resolution 2024.07.29.06.</summary>
    public const string DefaultZone = "twill.internal";

    /// <summary>Room is left for the network's label, and for two of a container in front of it (RFC 1035: 253 characters).</summary>
    private const int LongestZone = 100;

    /// <summary>The domain of the network's containers.</summary>
    public string Domain { get; } = $"{Network}.{Zone}";

    /// <summary>Reads the key; null when it is absent.</summary>
    /// <exception cref="CniException">code 7, or 2 for an unknown key inside</exception>
    internal static NamesConf? Parse(ConfigReader plugin, string network, bool isGateway, IpamConf ipam)
    {
        ConfigReader at = plugin[Key];
        if (at.Section("zone") is not { } section)
        {
            return null;
        }

        string zone = ReadZone(section["zone"]);
        if (CniNames.HostLabelFault(network) is { } fault)
        {
            plugin["name"].Complain($"a label of a domain, for it is part of containers' names (key {Key}): {fault}", false);
        }

        if (!isGateway)
        {
            at.ComplainText("names are answered for at the gateway address, which this host has not: isGateway is false");
        }

        if (ipam.IsForeign)
        {
            at.ComplainText($"names need the IPAM plugin {TwillConf.IpamPlugin}, which knows the gateway address, got '{ipam.Type}'");
        }

        return new NamesConf(zone, network.ToLowerInvariant());
    }

    private static string ReadZone(ConfigReader at)
    {
        string zone = (at.OptionalString() ?? DefaultZone).ToLowerInvariant();
        zone = zone.EndsWith('.') ? zone[..^1] : zone;
        if (CniNames.DomainFault(zone, LongestZone) is { } fault)
        {
            return at.Complain($"a domain like {DefaultZone} ({fault})", DefaultZone);
        }

        return zone is "arpa" || zone.EndsWith(".arpa", StringComparison.Ordinal)
            ? at.Complain($"a domain like {DefaultZone}: addresses are looked up below arpa", DefaultZone)
            : zone;
    }
}
