using Twill.Linux;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>Whether the container of an address still lives.</summary>
internal static class AddressFileExtensions
{
    /// <summary>Why its container is certainly gone; null while there is any doubt, as for twill-ipam itself.</summary>
    /// <param name="record">the record</param>
    /// <param name="namespacesInUse">as <see cref="ProcFiles.NamespacesInUse"/> lists them</param>
    public static string? GoneBecause(this AddressFile record, HashSet<string> namespacesInUse)
    {
        if (record.ContainerId is null)
        {
            return "the file is damaged";
        }

        if (record.BootId != BootClock.BootId)
        {
            return "it is of an earlier boot";
        }

        int colon = record.Inode.IndexOf(':');
        if (
            colon < 0
            || LeadsThere(record)
            || (!record.Netns.StartsWith("/proc/", StringComparison.Ordinal) && !Directory.Exists(Path.GetDirectoryName(record.Netns)))
        )
        {
            return null;
        }

        return namespacesInUse.Contains($"net:[{record.Inode[(colon + 1)..]}]") ? null : $"its network namespace {record.Netns} is gone";
    }

    private static bool LeadsThere(AddressFile record)
    {
        try
        {
            using NetNs ns = NetNs.Open(record.Netns);
            return ns.Identity == record.Inode;
        }
        catch (LibcException)
        {
            return false;
        }
    }
}
