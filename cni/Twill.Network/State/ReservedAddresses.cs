using System.Net;
using System.Net.Sockets;
using System.Text;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>An address that a container of a name gets.</summary>
/// <param name="Address">The address.</param>
/// <param name="Name">The name, one label in lower case.</param>
public readonly record struct ReservedAddress(IPAddress Address, string Name);

/// <summary>
/// <c>&lt;dataDir&gt;/&lt;network&gt;/reserved</c>: which addresses containers of a name get on this host, and others never, a line each:
/// <code>
/// 10.244.7.20 web
/// </code>
/// <c>twill address</c> replaces it whole, under the lock of the addresses; an ADD of twill-ipam reads it under the same lock. Unlike the
/// records of addresses it is of no boot: it is flushed to the disk.
/// </summary>
public sealed class ReservedAddresses
{
    private const string FileName = "reserved",
        LockName = "lock";

    private readonly string _path;
    private readonly List<ReservedAddress> _all = [];

    private ReservedAddresses(string path) => _path = path;

    /// <summary>None.</summary>
    public static ReservedAddresses None { get; } = new("");

    /// <summary>All, in the order in which they were reserved.</summary>
    public IReadOnlyList<ReservedAddress> All => _all;

    /// <summary>Takes the lock of a network's addresses; its directory is made when missing.</summary>
    /// <exception cref="TimeoutException">another process holds it</exception>
    public static FileLock Lock(string dataDir, string network)
    {
        StateDir.MakePrivate($"{dataDir}/{network}");
        return FileLock.Acquire($"{dataDir}/{network}/{LockName}", TimeSpan.FromSeconds(10));
    }

    /// <summary>Reads what is reserved in a network.</summary>
    /// <exception cref="IOException">a line is none of these: whose an address is must not be guessed</exception>
    public static ReservedAddresses Read(string dataDir, string network)
    {
        string path = $"{dataDir}/{network}/{FileName}";
        if (AtomicFile.TryReadAll(path) is not { } content)
        {
            return None;
        }

        ReservedAddresses read = new(path);
        int number = 0;
        foreach (string line in Encoding.UTF8.GetString(content).Split('\n'))
        {
            number++;
            if (line.Length == 0)
            {
                continue;
            }

            int space = line.IndexOf(' ');
            if (
                space < 0
                || AddressRecord.AddressOf(line[..space]) is not { } address
                || CniNames.HostLabelFault(line.AsSpan(space + 1)) is not null
            )
            {
                throw new IOException(
                    $"{path}: line {number}: expected an address and a container's name, got '{ForeignText.Shown(line, 100)}': mend "
                        + "or remove it"
                );
            }

            read._all.Add(new ReservedAddress(address, line[(space + 1)..]));
        }

        return read;
    }

    /// <summary>Replaces what is reserved in a network. Under the lock.</summary>
    /// <exception cref="IOException">it cannot be written</exception>
    public static void Write(string dataDir, string network, IReadOnlyList<ReservedAddress> all)
    {
        string path = $"{dataDir}/{network}/{FileName}";
        if (all.Count == 0)
        {
            AtomicFile.Delete(path);
            return;
        }

        StringBuilder text = new();
        foreach (ReservedAddress one in all)
        {
            text.Append(one.Address.ToString()).Append(' ').Append(one.Name).Append('\n');
        }

        AtomicFile.Write(path, Encoding.UTF8.GetBytes(text.ToString()), durable: true);
    }

    /// <summary>The name for which an address is reserved; null: for none.</summary>
    public string? NameOf(IPAddress address)
    {
        foreach (ReservedAddress one in _all)
        {
            if (one.Address.Equals(address))
            {
                return one.Name;
            }
        }

        return null;
    }

    /// <summary>The first address of a family that is reserved for one of these names; null: there is none.</summary>
    public IPAddress? Of(IReadOnlyList<string> names, AddressFamily family)
    {
        foreach (string name in names)
        {
            foreach (ReservedAddress one in _all)
            {
                if (one.Name == name && one.Address.AddressFamily == family)
                {
                    return one.Address;
                }
            }
        }

        return null;
    }

    /// <summary>The file.</summary>
    public override string ToString() => _path;
}
