using System.Globalization;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli.Broken;

/// <summary>Counts how doctor did over all ways to break a network, for the figures at the end of a run.</summary>
internal static class Tally
{
    private static readonly Lock s_lock = new();
    private static readonly HashSet<string> s_broken = [],
        s_named = [],
        s_saidWell = [],
        s_mended = [];

    /// <summary>It was broken.</summary>
    internal static void Broken(string name) => Count(s_broken, name);

    /// <summary>doctor named it.</summary>
    internal static void Named(string name) => Count(s_named, name);

    /// <summary>A command said that all is well.</summary>
    internal static void SaidWell(string name) => Count(s_saidWell, name);

    /// <summary>Following the advice mended it.</summary>
    internal static void Mended(string name) => Count(s_mended, name);

    private static void Count(HashSet<string> set, string name)
    {
        lock (s_lock)
        {
            set.Add(name);
            Figures.Report(
                "ways to break a network",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{s_broken.Count} broken, {s_named.Count} named by doctor, {s_saidWell.Count} where status said all is well, "
                        + $"{s_mended.Count} mended by what doctor advised"
                )
            );
        }
    }
}
