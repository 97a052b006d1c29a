using System.Net;
using System.Text;
using Twill.System;

namespace Twill.Network.State;

/// <summary>A file of twill-ipam's records, for those who only look.</summary>
/// <param name="Address">the address, which is the file's name</param>
/// <param name="Record">whose it is; null when the file is no whole record</param>
public sealed record AddressFile(IPAddress Address, AddressRecord? Record)
{
    /// <summary>Whether the file is empty and of before this boot: its content was never written to the disk, because the power went
    /// within seconds. Its container ended with that.</summary>
    public bool IsCutOff { get; init; }

    /// <summary>The files of a network, by address; none when its directory is missing.</summary>
    /// <exception cref="IOException">the directory cannot be read</exception>
    public static List<AddressFile> List(string dataDir, string network)
    {
        List<AddressFile> files = [];
        DirectoryInfo directory = new(Path.Combine(dataDir, network));
        if (!directory.Exists)
        {
            return files;
        }

        foreach (FileInfo file in directory.EnumerateFiles())
        {
            if (AddressRecord.AddressOf(file.Name) is not { } address)
            {
                continue;
            }

            byte[]? content = file.Length < AddressRecord.TooLarge ? AtomicFile.TryReadAll(file.FullName) : [];
            if (content is not null) // else it was freed just now
            {
                AddressRecord.TryParse(Encoding.UTF8.GetString(content), out AddressRecord? record);
                files.Add(new AddressFile(address, record) { IsCutOff = file.Length == 0 && BootClock.IsBeforeBoot(file.FullName) });
            }
        }
        files.SortBy((a, b) => IPPrefix.NumberOf(a.Address).CompareTo(IPPrefix.NumberOf(b.Address)));
        return files;
    }

    /// <summary>Why its container is certainly gone; null while there is any doubt, as for twill-ipam itself.</summary>
    public string? WhyGone(NetnsLiveness namespaces) =>
        IsCutOff ? "its file is empty, as a power cut leaves what was written seconds before"
        : Record is null ? "the file is damaged"
        : Record.WhyGone(BootClock.BootId, namespaces);
}
