namespace Twill.Cluster;

/// <summary>The files an administrator names (certificates, keys, a password), looked at before they are read.</summary>
internal static class EtcdFiles
{
    /// <summary>Far more than any of them has.</summary>
    private const long Largest = 1 << 20;

    /// <summary>Why a file that exists must not be read: nobody may write into a FIFO, and a device may have no end. Null: nothing against
    /// it.</summary>
    public static string? Fault(string path)
    {
        FileInfo file = new(path);
        if (file.LinkTarget is not null && file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target)
        {
            file = target;
        }

        if (!file.Exists)
        {
            return null;
        }

        return file.Length switch
        {
            0 => "is empty (or no ordinary file)",
            > Largest => $"is larger than {Largest >> 20} MB",
            _ => null,
        };
    }
}
