namespace Twill.Network.Configuration;

/// <summary>Files and directories of a network that more people may change or read than should.</summary>
public static class FilePermissions
{
    private const UnixFileMode OthersWrite = UnixFileMode.OtherWrite | UnixFileMode.GroupWrite,
        OthersRead = UnixFileMode.OtherRead;

    /// <summary>What is open to others, and the command that closes it; empty when nothing is.</summary>
    /// <param name="conf">the network</param>
    public static List<(string Text, string Remedy)> FindLoose(TwillConf conf)
    {
        List<(string, string)> loose = [];
        foreach (string directory in conf.Ipam.IsForeign ? [] : (string[])[conf.Ipam.DataDir, Path.Combine(conf.Ipam.DataDir, conf.Name)])
        {
            if (ModeOf(directory) is { } mode && (mode & OthersWrite) != 0)
            {
                loose.Add(
                    (
                        $"{directory} can be written by others than its owner: who may do that can take addresses from containers",
                        $"chmod go-w {directory}"
                    )
                );
            }
        }

        foreach ((string key, string? file) in (ReadOnlySpan<(string, string?)>)
            [("keyFile", conf.Ipam.Etcd?.KeyFile), ("passwordFile", conf.Ipam.Etcd?.PasswordFile)])
        {
            if (file is not null && ModeOf(file) is { } mode && (mode & OthersRead) != 0)
            {
                loose.Add(
                    ($"{file} ($.ipam.etcd.{key}) can be read by everybody: who does has this host's rights in etcd", $"chmod o-rwx {file}")
                );
            }
        }

        return loose;
    }

    private static UnixFileMode? ModeOf(string path)
    {
        try
        {
            return !OperatingSystem.IsWindows() && (File.Exists(path) || Directory.Exists(path)) ? File.GetUnixFileMode(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // removed just now, or not ours to look at: others tell
        }
    }
}
