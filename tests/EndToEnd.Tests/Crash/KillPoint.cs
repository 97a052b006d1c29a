namespace Twill.EndToEnd.Tests.Crash;

/// <summary>What is killed: a call of the plugin on a host in a certain state; `host.sh` knows them by name.</summary>
internal sealed record KillCase(string Name, string Verb, bool Leases = false, bool MakesHost = false)
{
    /// <summary>Whether the container is past the bridge, where the IPAM plugin has nothing else to do.</summary>
    internal bool IsRouted => Name.EndsWith("routed", StringComparison.Ordinal);
}

/// <summary>Where somebody is killed: at a program's n-th state-changing system call, before it is made or after, alone or with
/// all.</summary>
internal sealed record KillPoint(string Program, int Number, bool After, bool All)
{
    internal IEnumerable<string> Options => [.. After ? ["--after"] : Array.Empty<string>(), .. All ? ["--all"] : Array.Empty<string>()];

    public override string ToString() => $"{(All ? "all" : Program)} killed {(After ? "after" : "before")} call {Number} of {Program}";
}
