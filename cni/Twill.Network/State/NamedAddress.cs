using System.Net;
using System.Net.Sockets;

namespace Twill.Network.State;

/// <summary>A name of a container and one of its addresses: what a key in etcd, and an answer, is made of.</summary>
/// <param name="Name">The name, one label in lower case.</param>
/// <param name="Id">What tells it from others of the name: one label, of letters and digits.</param>
/// <param name="Address">The address.</param>
/// <param name="Ports">Ports that the container answers at.</param>
public sealed record NamedAddress(string Name, string Id, IPAddress Address, IReadOnlyList<NamedPort> Ports)
{
    /// <summary>What it is called in a network: <c>web/tw0123..</c>.</summary>
    public string Key => $"{Name}/{Id}";

    /// <summary>All names and addresses of a container.</summary>
    public static List<NamedAddress> Of(NameRecord record)
    {
        List<NamedAddress> all = new(record.Names.Count * record.Addresses.Count);
        foreach (string name in record.Names)
        {
            int four = 0,
                six = 0;
            foreach (IPAddress address in record.Addresses)
            {
                bool isIPv6 = address.AddressFamily == AddressFamily.InterNetworkV6;
                int before = isIPv6 ? six++ : four++;
                string id = record.HostName + (isIPv6 ? "v6" : "") + (before > 0 ? $"n{before}" : "");
                all.Add(new NamedAddress(name, id, address, record.Ports));
            }
        }

        return all;
    }
}
