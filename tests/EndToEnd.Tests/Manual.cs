using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>The commands that conf/README.md tells an administrator to run.</summary>
internal static class Manual
{
    /// <summary>Its `etcdctl` lines as they stand there.</summary>
    /// <param name="host">Those for one host's certificate; unset: those for all hosts.</param>
    internal static string[] EtcdctlCommands(string? host = null) =>
        [
            .. File.ReadAllLines(Path.Combine(RepoPaths.Conf, "README.md"))
                .Select(l => l.Trim())
                .Where(l => l.StartsWith("etcdctl ", StringComparison.Ordinal))
                .Where(l => l.Contains(host ?? "host-", StringComparison.Ordinal) == host is not null),
        ];
}
