using Twill.Testing;

namespace Twill.EndToEnd.Tests.Names;

/// <summary>`dig`, as somebody in a container asks.</summary>
internal static class Dig
{
    /// <summary>What dig prints in short, a line each, sorted; two tries of five seconds.</summary>
    internal static string[] Short(this NetnsShell from, string server, params string[] question) =>
        [
            .. from.Run(["dig", "+short", "+tries=2", "+time=5", $"@{server}", .. question])
                .Stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Order(),
        ];

    /// <summary>All that dig prints.</summary>
    internal static string Full(this NetnsShell from, string server, params string[] question) =>
        from.Run(["dig", "+tries=2", "+time=5", $"@{server}", .. question]).Stdout;
}
