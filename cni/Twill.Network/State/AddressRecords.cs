using System.Net;
using System.Net.Sockets;

namespace Twill.Network.State;

/// <summary>The records of twill-ipam, seen from outside: one file per address that a container has, named by it.</summary>
public static class AddressRecords
{
    /// <summary>The addresses of these subnets that a container of a boot may have: no container outlived the one before.</summary>
    /// <param name="dataDir">the directory of records</param>
    /// <param name="network">the network's name</param>
    /// <param name="subnets">the subnets</param>
    /// <param name="bootId">the boot</param>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public static List<IPAddress> InUse(string dataDir, string network, IReadOnlyList<IPNetwork> subnets, string bootId)
    {
        List<IPAddress> used = [];
        foreach (AddressFile file in AddressFile.List(dataDir, network))
        {
            if (file.IsCutOff || (file.Record is not null && file.Record.BootId != bootId))
            {
                continue;
            }

            foreach (IPNetwork subnet in subnets)
            {
                if (subnet.Contains(file.Address))
                {
                    used.Add(file.Address);
                    break;
                }
            }
        }

        return used;
    }

    /// <summary>Whether there is any record of an address of the subnet, of whatever boot.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public static bool AnyIn(string dataDir, string network, IPNetwork subnet)
    {
        DirectoryInfo records = new(Path.Combine(dataDir, network));
        if (!records.Exists)
        {
            return false;
        }

        foreach (FileInfo file in records.EnumerateFiles())
        {
            if (AddressRecord.AddressOf(file.Name) is { } address && subnet.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>How many addresses of the network containers of this host have: of the family of which they have more.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public static int Count(string dataDir, string network)
    {
        DirectoryInfo records = new(Path.Combine(dataDir, network));
        if (!records.Exists)
        {
            return 0;
        }

        int four = 0,
            six = 0;
        foreach (FileInfo file in records.EnumerateFiles())
        {
            switch (AddressRecord.AddressOf(file.Name)?.AddressFamily)
            {
                case AddressFamily.InterNetwork:
                    four++;
                    break;
                case AddressFamily.InterNetworkV6:
                    six++;
                    break;
            }
        }

        return Math.Max(four, six);
    }
}
