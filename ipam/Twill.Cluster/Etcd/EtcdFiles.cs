namespace Twill.Cluster;

/// <summary>The files an administrator names (certificates, keys, a password), looked at before they are read.</summary>
internal static class EtcdFiles
{
    /// <summary>Far more than any of them has.</summary>
    private const long Largest = 1 << 20;

    /// <summary>Directories that ProtectHome= of a systemd unit hides (systemd.exec(5)).</summary>
    private static readonly string[] s_homes = ["/home/", "/root/", "/run/user/"];

    /// <summary>Why a file could not be opened, and what to do: the agent's unit hides home directories, and leaves root without the right
    /// to read what is not root's.</summary>
    /// <param name="e">What opening it threw.</param>
    /// <param name="file">Its path.</param>
    public static string Why(Exception e, string file) =>
        e switch
        {
            UnauthorizedAccessException when Directory.Exists(file) => "it is a directory",
            UnauthorizedAccessException => $"no permission to read it (EACCES); {Remedy(file)}",
            FileNotFoundException or DirectoryNotFoundException when IsInHome(file) => $"it does not exist (ENOENT); {Remedy(file)}",
            FileNotFoundException or DirectoryNotFoundException => "it does not exist (ENOENT); correct the path, or put the file there",
            _ => e.Message,
        };

    private static string Remedy(string file) =>
        IsInHome(file)
            ? "twilld's unit hides home directories (ProtectHome=yes): put it below /etc, and name that path in the configuration"
            : $"give the file to root, and let root enter the directories above it: chown root {file} (twilld's unit leaves root no "
                + "CAP_DAC_OVERRIDE)";

    private static bool IsInHome(string file) => Array.Exists(s_homes, home => file.StartsWith(home, StringComparison.Ordinal));

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
