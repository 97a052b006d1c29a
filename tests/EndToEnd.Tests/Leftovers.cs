using System.Net;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>What belongs to single containers on a host: after a failed ADD and after the last DEL there must be none of it.</summary>
internal static class Leftovers
{
    /// <summary>Host ends of veth pairs, ifbs and address records, by name.</summary>
    internal static IReadOnlyList<string> Of(LabHost host) => [.. Links(host), .. Records(host)];

    /// <summary>The veth devices other than the cable to the underlay, and the ifbs.</summary>
    internal static IReadOnlyList<string> Links(LabHost host) =>
        [
            .. host.IpJson("link show type veth")
                .EnumerateArray()
                .Concat(host.IpJson("link show type ifb").EnumerateArray())
                .Select(l => l.GetProperty("ifname").GetString()!)
                .Where(name => name != "eth0"),
        ];

    /// <summary>The addresses that are recorded as taken.</summary>
    internal static IReadOnlyList<string> Records(LabHost host, string network = "twill")
    {
        string directory = host.At($"/var/lib/cni/twill/{network}");
        return Directory.Exists(directory)
            ? [.. Directory.GetFiles(directory).Select(f => Path.GetFileName(f)).Where(f => IPAddress.TryParse(f, out _))]
            : [];
    }
}
