using System.Net;
using System.Text;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// A record of twill-ipam (<c>&lt;dataDir&gt;/&lt;network&gt;/&lt;address&gt;</c>), for those who only look: a file named by the address,
/// one
/// <c>key: value</c> a line.
/// </summary>
/// <param name="Address">the address, which is the file's name</param>
/// <param name="ContainerId">whose it is; null when the record is damaged</param>
/// <param name="IfName">the interface that has it</param>
/// <param name="BootId">the boot it was handed out in</param>
/// <param name="Netns">CNI_NETNS of the ADD</param>
/// <param name="Inode">what that path led to then, <c>device:inode</c>; <c>-</c> when nobody looked</param>
public sealed record AddressFile(IPAddress Address, string? ContainerId, string IfName, string BootId, string Netns, string Inode)
{
    /// <summary>twill-ipam takes no longer file for a record.</summary>
    private const long LargestRecord = 8192;

    /// <summary>The records of a network, by address; none when its directory is missing.</summary>
    /// <exception cref="IOException">the directory cannot be read</exception>
    public static List<AddressFile> List(string dataDir, string network)
    {
        List<AddressFile> records = [];
        DirectoryInfo directory = new(Path.Combine(dataDir, network));
        if (!directory.Exists)
        {
            return records;
        }

        foreach (FileInfo file in directory.EnumerateFiles())
        {
            if (!IPAddress.TryParse(file.Name, out IPAddress? address) || address.ToString() != file.Name)
            {
                continue;
            }

            byte[]? content = file.Length < LargestRecord ? AtomicFile.TryReadAll(file.FullName) : [];
            if (content is not null) // else it was freed just now
            {
                records.Add(Parse(address, Encoding.UTF8.GetString(content)));
            }
        }
        records.Sort((a, b) => AddressNumber.Of(a.Address).CompareTo(AddressNumber.Of(b.Address)));
        return records;
    }

    /// <summary>Reads a record; anything but a whole one has no <see cref="ContainerId"/>.</summary>
    public static AddressFile Parse(IPAddress address, string text)
    {
        string[] lines = text.Split('\n'),
            values = new string[5];
        // with an address of each family
        int count = lines.Length > 1 && lines[^2].StartsWith("addresses: ", StringComparison.Ordinal) ? 6 : 5;
        ReadOnlySpan<string> labels = ["container: ", "interface: ", "boot: ", "netns: ", "inode: "];
        for (int i = 0; i < labels.Length; i++)
        {
            if (lines.Length != count + 1 || lines[^1].Length > 0 || !lines[i].StartsWith(labels[i], StringComparison.Ordinal))
            {
                return new AddressFile(address, null, "", "", "", "");
            }

            values[i] = lines[i][labels[i].Length..];
        }
        return new AddressFile(address, values[0], values[1], values[2], values[3], values[4]);
    }
}
