using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Network.State;

/// <summary>The records of twill-ipam, seen from outside: one file per address that a container has, named by it.</summary>
public static class AddressRecords
{
    /// <summary>The addresses of these subnets that a container of this boot may have: no container outlived the one before.</summary>
    /// <param name="dataDir">the directory of records</param>
    /// <param name="network">the network's name</param>
    /// <param name="subnets">the subnets</param>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public static List<IPAddress> InUse(string dataDir, string network, IReadOnlyList<IPNetwork> subnets) =>
        [
            .. AddressFile
                .List(dataDir, network)
                .Where(record =>
                    subnets.Any(subnet => subnet.Contains(record.Address))
                    && (record.ContainerId is null || record.BootId == BootClock.BootId)
                )
                .Select(record => record.Address),
        ];

    /// <summary>Whether any container of this host has an address of the subnet.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public static bool AnyIn(string dataDir, string network, IPNetwork subnet)
    {
        DirectoryInfo records = new(Path.Combine(dataDir, network));
        return records.Exists
            && records.EnumerateFiles().Any(file => IPAddress.TryParse(file.Name, out IPAddress? address) && subnet.Contains(address));
    }

    /// <summary>How many addresses of the network containers of this host have: of the family of which they have more.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public static int Count(string dataDir, string network)
    {
        DirectoryInfo records = new(Path.Combine(dataDir, network));
        return records.Exists
            ? records
                .EnumerateFiles()
                .Select(file => IPAddress.TryParse(file.Name, out IPAddress? address) ? address.AddressFamily : AddressFamily.Unspecified)
                .Where(family => family != AddressFamily.Unspecified)
                .CountBy(family => family)
                .Select(family => family.Value)
                .DefaultIfEmpty(0)
                .Max()
            : 0;
    }
}
