using System.Net;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Twill.Cni;
using Twill.Network.State;
using Twill.System;

namespace Twill.Ipam.Addresses;

/// <summary>
/// The addresses of one network as files under <c>&lt;dataDir&gt;/&lt;network&gt;</c>; the directory is the database.
/// <code>
/// 10.244.7.12              one file per address handed out, named by it: an <see cref="AddressRecord"/>
/// fc00:1:0:7::c            the same file under another name, when an attachment has an address of each family
/// attachments/4f2c..:eth0  one symbolic link per attachment, to its first address: finds the record without a search
/// last                     the addresses handed out last, one of each family, where the next search begins
/// lock                     flock(2) around every change
/// new                      a record being written; under the lock it can only be a killed process's leftover
/// </code>
/// The order of the writes makes every crash harmless: the link is made before the record and removed after it, so a link may point to
/// nothing (or, later, to another's record) but a record never lacks its link; a record appears under its name in one step, whole, by
/// link(2), which also refuses a name that is taken. The record of several addresses has all of them in it, and the first one is claimed
/// first, so that whoever follows the link finds what a killed process had claimed, and what it had not freed. Nothing is flushed to the
/// disk: a record that a power cut tears belongs to a container that the same power cut ended.
/// </summary>
internal sealed class AddressStore : IDisposable
{
    private const string LockName = "lock",
        LastName = "last",
        NewName = "new",
        AttachmentsName = "attachments";

    private readonly SafeFileHandle _directory;

    private AddressStore(string path, SafeFileHandle directory) => (Path, _directory) = (path, directory);

    /// <summary>The directory.</summary>
    public string Path { get; }

    /// <summary>Opens the store of a network and makes its directories (0700) when they are missing.</summary>
    public static AddressStore Open(string dataDir, string network)
    {
        AddressStore? store = OpenExisting(dataDir, network);
        if (store is null)
        {
            StateDir.MakePrivate($"{dataDir}/{network}");
            store = OpenExisting(dataDir, network)
                ?? throw new IOException($"{dataDir}/{network}: the directory was removed while it was being made");
        }
        Libc.MakeDirectoryAt(store._directory, AttachmentsName);
        return store;
    }

    /// <summary>Opens the store of a network, null when it has none: nothing was ever handed out.</summary>
    public static AddressStore? OpenExisting(string dataDir, string network)
    {
        string path = $"{dataDir}/{network}";
        SafeFileHandle? directory = Libc.TryOpenDirectory(path);
        return directory is null ? null : new AddressStore(path, directory);
    }

    /// <summary>Waits for the store's lock. Every change, and every read that a change depends on, happens under it.</summary>
    /// <exception cref="TimeoutException">another process holds it, for much longer than a few file operations take</exception>
    public FileLock Lock() => FileLock.Acquire($"{Path}/{LockName}", TimeSpan.FromSeconds(10));

    /// <summary>The (first) address an attachment's link names, null without one. The record alone decides whether it is true.</summary>
    public IPAddress? Hint(CniAttachment who) => Follow(LinkOf(who));

    /// <summary>Reads the record of an address: null with <paramref name="found"/> means that the file is not one of ours.</summary>
    public AddressRecord? Read(IPAddress address, out bool found)
    {
        Span<byte> content = stackalloc byte[AddressRecord.TooLarge];
        int length = Libc.ReadAt(_directory, address.ToString(), content);
        found = length >= 0;
        return
            length is > 0 and < AddressRecord.TooLarge
            && AddressRecord.TryParse(Encoding.UTF8.GetString(content[..length]), out AddressRecord? record)
            ? record
            : null;
    }

    /// <summary>Whether an address has a file, whatever is in it.</summary>
    public bool Exists(IPAddress address) => Libc.ExistsAt(_directory, address.ToString());

    /// <summary>Gives addresses to an attachment, all or none. The answer is the first that has a file already, null when all could be
    /// had.</summary>
    /// <param name="addresses">at least one</param>
    /// <param name="record">whose they are to be</param>
    public IPAddress? TryClaim(IPAddress[] addresses, AddressRecord record)
    {
        string link = LinkOf(record.Owner);
        Libc.TryUnlinkAt(_directory, NewName);
        Libc.WriteNewAt(_directory, NewName, Encoding.UTF8.GetBytes(record.Of(addresses).Format()));
        MakeLink(link, LinkPrefix + addresses[0]);
        int claimed = 0;
        while (claimed < addresses.Length && Libc.TryLinkAt(_directory, NewName, addresses[claimed].ToString()))
        {
            claimed++;
        }

        Libc.TryUnlinkAt(_directory, NewName);
        if (claimed == addresses.Length)
        {
            return null;
        }

        IPAddress inTheWay = addresses[claimed];
        while (claimed > 0)
        {
            Libc.TryUnlinkAt(_directory, addresses[--claimed].ToString());
        }

        Libc.TryUnlinkAt(_directory, link);
        return inTheWay;
    }

    /// <summary>Writes another record of the same attachment in the place of the one that it has.</summary>
    /// <param name="addresses">all that it has</param>
    /// <param name="record">the new record</param>
    public void Replace(IPAddress[] addresses, AddressRecord record)
    {
        byte[] content = Encoding.UTF8.GetBytes(record.Of(addresses).Format());
        foreach (IPAddress address in addresses)
        {
            Libc.TryUnlinkAt(_directory, NewName);
            Libc.WriteNewAt(_directory, NewName, content);
            Libc.Rename($"{Path}/{NewName}", $"{Path}/{address}");
        }
    }

    /// <summary>Removes an address's file, those of the others that its attachment has, and then the attachment's link.</summary>
    /// <param name="address">the address</param>
    /// <param name="record">its record; null when it is not readable</param>
    public void Release(IPAddress address, AddressRecord? record)
    {
        IPAddress[] all = record?.All(address) ?? [address];
        bool isHinted = false;
        IPAddress? hint = record is null ? null : Hint(record.Owner);
        foreach (IPAddress one in all)
        {
            // What a killed process had freed already may be another's by now.
            if (!one.Equals(address) && Read(one, out _)?.Owner == record!.Owner)
            {
                Libc.TryUnlinkAt(_directory, one.ToString());
            }

            isHinted |= one.Equals(hint);
        }
        Libc.TryUnlinkAt(_directory, address.ToString());
        if (isHinted)
        {
            RemoveHint(record!.Owner);
        }
    }

    /// <summary>Removes an attachment's link.</summary>
    public void RemoveHint(CniAttachment who) => Libc.TryUnlinkAt(_directory, LinkOf(who));

    /// <summary>Removes what a killed process may have left half-made. Only under the lock.</summary>
    public void RemoveLeftover() => Libc.TryUnlinkAt(_directory, NewName);

    /// <summary>The addresses handed out last, one or two, a line for each family; empty when none was or the file does not name
    /// one.</summary>
    public IPAddress[] Last
    {
        get
        {
            Span<byte> content = stackalloc byte[128];
            int length = Libc.ReadAt(_directory, LastName, content);
            if (length <= 1)
            {
                return [];
            }

            string text = Encoding.UTF8.GetString(content[..length]).TrimEnd('\n');
            int end = text.IndexOf('\n');
            IPAddress? first = AddressRecord.AddressOf(end < 0 ? text : text[..end]),
                second = end < 0 ? null : AddressRecord.AddressOf(text[(end + 1)..]);
            return (first, second) switch
            {
                (null, null) => [],
                (not null, not null) => [first, second],
                _ => [(first ?? second)!],
            };
        }
        set =>
            Libc.OverwriteAt(
                _directory,
                LastName,
                Encoding.UTF8.GetBytes(value.Length == 1 ? $"{value[0]}\n" : $"{value[0]}\n{value[1]}\n")
            );
    }

    /// <summary>Every address that has a file, by listing the directory: for the rare moments when that is worth it.</summary>
    public List<IPAddress> List()
    {
        var addresses = new List<IPAddress>();
        foreach (string file in Directory.EnumerateFileSystemEntries(Path))
        {
            if (AddressRecord.AddressOf(global::System.IO.Path.GetFileName(file)) is { } address)
            {
                addresses.Add(address);
            }
        }
        return addresses;
    }

    /// <summary>Removes links that lead to no record of their attachment. Only under the lock.</summary>
    public void SweepHints()
    {
        if (!Libc.ExistsAt(_directory, AttachmentsName))
        {
            return;
        }

        foreach (string file in Directory.EnumerateFileSystemEntries($"{Path}/{AttachmentsName}"))
        {
            string link = $"{AttachmentsName}/{(global::System.IO.Path.GetFileName(file))}";
            if (Follow(link) is not { } address)
            {
                continue;
            }

            AddressRecord? record = Read(address, out bool found);
            if (!found || (record is not null && LinkOf(record.Owner) != link))
            {
                Libc.TryUnlinkAt(_directory, link);
            }
        }
    }

    public void Dispose() => _directory.Dispose();

    private const string LinkPrefix = "../";

    private static string LinkOf(CniAttachment who) => $"{AttachmentsName}/{who.FileName()}";

    private IPAddress? Follow(string link)
    {
        Span<byte> target = stackalloc byte[64];
        int length = Libc.ReadLinkAt(_directory, link, target);
        return length <= LinkPrefix.Length ? null : AddressRecord.AddressOf(Encoding.UTF8.GetString(target[LinkPrefix.Length..length]));
    }

    private void MakeLink(string link, string target)
    {
        if (Libc.TrySymlinkAt(_directory, target, link))
        {
            return;
        }

        Libc.TryUnlinkAt(_directory, link); // a stale one: the caller has looked at the record it leads to
        if (!Libc.TrySymlinkAt(_directory, target, link))
        {
            throw new IOException($"{Path}/{link}: made by another program just now");
        }
    }
}
