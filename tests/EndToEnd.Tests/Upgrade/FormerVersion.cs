using System.Text.RegularExpressions;
using Twill.Testing;
using Xunit.Sdk;

namespace Twill.EndToEnd.Tests.Upgrade;

/// <summary>The programs of the version that hosts upgrade from, which build/former.sh builds out of the history.</summary>
internal static partial class FormerVersion
{
    /// <summary>Null when they are there, otherwise why not.</summary>
    internal static string? WhyNot =>
        File.Exists(Path.Combine(Bin, "twilld"))
            ? null
            : $"{Path.GetRelativePath(RepoPaths.Root, Bin)} is missing: build/former.sh builds it, in a clone that has the history";

    /// <summary>The directory of the three programs.</summary>
    internal static string Bin { get; } = Path.Combine(RepoPaths.Root, "artifacts", "upgrade", Commit(), "bin");

    private static string Commit() =>
        CommitLine().Match(File.ReadAllText(Path.Combine(RepoPaths.Root, "build", "former.sh"))).Groups[1].Value;

    [GeneratedRegex("(?m)^commit=([0-9a-f]{40})")]
    private static partial Regex CommitLine();
}

/// <summary>A test with the programs of the former version: skipped, with the reason, where they or root are missing.</summary>
[TraitDiscoverer(RequirementDiscoverer.Name, RequirementDiscoverer.Assembly)]
public sealed class UpgradeFactAttribute : FactAttribute, IRequirement
{
    public UpgradeFactAttribute() => Skip = new RequiresRootFactAttribute().Skip ?? FormerVersion.WhyNot;

    public string Requirement => "root";
}
