using Xunit;

namespace Twill.Testing;

/// <summary>A test that works on the kernel: skipped, with the reason, unless it runs as root.</summary>
public sealed class RequiresRootFactAttribute : FactAttribute
{
    public RequiresRootFactAttribute() => Skip = Root.WhyNot;
}

/// <summary>A theory that works on the kernel: skipped, with the reason, unless it runs as root.</summary>
public sealed class RequiresRootTheoryAttribute : TheoryAttribute
{
    public RequiresRootTheoryAttribute() => Skip = Root.WhyNot;
}

internal static class Root
{
    /// <summary>Null for root, otherwise the reason that a skipped test shows.</summary>
    internal static string? WhyNot { get; } =
        Environment.IsPrivilegedProcess ? null : $"needs root to make network namespaces, and runs as {Environment.UserName}";
}
