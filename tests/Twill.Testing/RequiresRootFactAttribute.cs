using Xunit;
using Xunit.Sdk;

namespace Twill.Testing;

/// <summary>A test that works on the kernel: skipped, with the reason, unless it runs as root. `build/test.sh --unit` leaves it
/// out.</summary>
[TraitDiscoverer(RequirementDiscoverer.Name, RequirementDiscoverer.Assembly)]
public sealed class RequiresRootFactAttribute : FactAttribute, IRequirement
{
    public RequiresRootFactAttribute() => Skip = Root.WhyNot;

    public string Requirement => "root";
}

/// <summary>A theory that works on the kernel: skipped, with the reason, unless it runs as root. `build/test.sh --unit` leaves it
/// out.</summary>
[TraitDiscoverer(RequirementDiscoverer.Name, RequirementDiscoverer.Assembly)]
public sealed class RequiresRootTheoryAttribute : TheoryAttribute, IRequirement
{
    public RequiresRootTheoryAttribute() => Skip = Root.WhyNot;

    public string Requirement => "root";
}

internal static class Root
{
    /// <summary>Null for root, otherwise the reason that a skipped test shows.</summary>
    internal static string? WhyNot { get; } =
        Environment.IsPrivilegedProcess ? null : $"needs root to make network namespaces, and runs as {Environment.UserName}";
}
