using System.Net;
using System.Text;
using Twill.Cni.State;

namespace Twill.Agent;

/// <summary>The records of twill-ipam, seen from outside: one file per address that a container has, named by it.</summary>
internal static class AddressRecords
{
    private const string Boot = "\nboot: ";

    /// <summary>The addresses of these subnets that a container of this boot may have: no container outlived the one before.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    internal static List<IPAddress> InUse(string dataDir, string network, IReadOnlyList<IPNetwork> subnets)
    {
        DirectoryInfo records = new(Path.Combine(dataDir, network));
        List<IPAddress> used = [];
        foreach (FileInfo file in records.Exists ? records.EnumerateFiles() : [])
        {
            if (IPAddress.TryParse(file.Name, out IPAddress? address) && subnets.Any(subnet => subnet.Contains(address)) && !IsOfEarlierBoot(file))
            {
                used.Add(address);
            }
        }

        return used;
    }

    /// <summary>Whether any container of this host has an address of the subnet.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    internal static bool AnyIn(string dataDir, string network, IPNetwork subnet)
    {
        DirectoryInfo records = new(Path.Combine(dataDir, network));
        return records.Exists
            && records.EnumerateFiles().Any(file => IPAddress.TryParse(file.Name, out IPAddress? address) && subnet.Contains(address));
    }

    /// <summary>How many addresses of the network containers of this host have.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    internal static int Count(string dataDir, string network)
    {
        DirectoryInfo records = new(Path.Combine(dataDir, network));
        return records.Exists ? records.EnumerateFiles().Count(file => IPAddress.TryParse(file.Name, out _)) : 0;
    }

    /// <summary>The record says so itself. One that cannot be read, or is half of one, says nothing.</summary>
    private static bool IsOfEarlierBoot(FileInfo file)
    {
        string text = AtomicFile.TryReadAll(file.FullName) is { } content ? Encoding.UTF8.GetString(content) : "";
        int at = text.IndexOf(Boot, StringComparison.Ordinal);
        return at >= 0 && text[(at + Boot.Length)..].Split('\n') is [{ Length: 36 } boot, ..] && boot != BootClock.BootId;
    }
}
