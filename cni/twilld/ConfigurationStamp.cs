using System.Globalization;

namespace Twill.Agent;

/// <summary>Tells whether configuration files changed, without reading them: names, sizes and times.</summary>
internal static class ConfigurationStamp
{
    /// <summary>Of all files that the options lead to.</summary>
    internal static string Of(AgentOptions options)
    {
        if (options.ConfFiles.Count > 0)
        {
            return string.Join('\n', options.ConfFiles.Select(OfFile));
        }

        DirectoryInfo directory = new(options.ConfDir);
        return directory.Exists
            ? string.Join('\n', directory.EnumerateFiles("*", SearchOption.AllDirectories).Select(Of).Order(StringComparer.Ordinal))
            : "";
    }

    /// <summary>Of one file; of a directory of plugins beside it, too.</summary>
    internal static string OfFile(string path) => Of(new FileInfo(path));

    private static string Of(FileInfo file) =>
        file.Exists
            ? string.Create(CultureInfo.InvariantCulture, $"{file.FullName} {file.Length} {file.LastWriteTimeUtc.Ticks}")
            : $"{file.FullName} missing";
}
