using System.Globalization;
using System.Net;
using System.Text;
using Twill.Cni;
using Twill.Cni.State;
using Twill.Linux;
using LibcException = Twill.Linux.LibcException;

namespace Twill.Plugin.Cli;

/// <summary>A record of twill-ipam, seen from outside: a file named by the address, one <c>key: value</c> a line.</summary>
/// <param name="Address">the address, which is the file's name</param>
/// <param name="ContainerId">whose it is; null when the record is damaged</param>
/// <param name="IfName">the interface that has it</param>
/// <param name="BootId">the boot it was handed out in</param>
/// <param name="Netns">CNI_NETNS of the ADD</param>
/// <param name="Inode">what that path led to then, <c>device:inode</c>; <c>-</c> when nobody looked</param>
internal sealed record AddressFile(IPAddress Address, string? ContainerId, string IfName, string BootId, string Netns, string Inode)
{
    /// <summary>twill-ipam takes no longer file for a record.</summary>
    private const long LargestRecord = 8192;

    /// <summary>The records of a network; none when its directory is missing.</summary>
    public static List<AddressFile> List(string dataDir, string network)
    {
        List<AddressFile> records = [];
        DirectoryInfo directory = new(Path.Combine(dataDir, network));
        if (!directory.Exists)
            return records;
        foreach (FileInfo file in directory.EnumerateFiles())
        {
            if (!IPAddress.TryParse(file.Name, out IPAddress? address) || address.ToString() != file.Name)
                continue;
            byte[]? content = file.Length < LargestRecord ? AtomicFile.TryReadAll(file.FullName) : [];
            if (content is not null) // else it was freed just now
                records.Add(Parse(address, Encoding.UTF8.GetString(content)));
        }
        records.Sort((a, b) => Order(a.Address).CompareTo(Order(b.Address)));
        return records;
    }

    public static AddressFile Parse(IPAddress address, string text)
    {
        string[] lines = text.Split('\n'), values = new string[5];
        ReadOnlySpan<string> labels = ["container: ", "interface: ", "boot: ", "netns: ", "inode: "];
        for (int i = 0; i < labels.Length; i++)
        {
            if (lines.Length != labels.Length + 1 || !lines[i].StartsWith(labels[i], StringComparison.Ordinal))
                return new AddressFile(address, null, "", "", "", "");
            values[i] = lines[i][labels[i].Length..];
        }
        return new AddressFile(address, values[0], values[1], values[2], values[3], values[4]);
    }

    /// <summary>Why its container is certainly gone; null while there is any doubt, as for twill-ipam itself.</summary>
    /// <param name="namespacesInUse">as <see cref="ProcFiles.NamespacesInUse"/> lists them</param>
    public string? GoneBecause(HashSet<string> namespacesInUse)
    {
        if (ContainerId is null)
            return "the file is damaged";
        if (BootId != BootClock.BootId)
            return "it is of an earlier boot";
        int colon = Inode.IndexOf(':');
        if (colon < 0 || LeadsThere() || (!Netns.StartsWith("/proc/", StringComparison.Ordinal) && !Directory.Exists(Path.GetDirectoryName(Netns))))
            return null;
        return namespacesInUse.Contains($"net:[{Inode[(colon + 1)..]}]") ? null : $"its network namespace {Netns} is gone";
    }

    private bool LeadsThere()
    {
        try
        {
            using NetNs ns = NetNs.Open(Netns);
            return string.Create(CultureInfo.InvariantCulture, $"{ns.Device}:{ns.Inode}") == Inode;
        }
        catch (LibcException)
        {
            return false;
        }
    }

    private static UInt128 Order(IPAddress address) => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork
        ? IpText.ToNumber(address)
        : System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(address.GetAddressBytes());
}
