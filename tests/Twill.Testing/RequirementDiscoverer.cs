using Xunit.Abstractions;
using Xunit.Sdk;

namespace Twill.Testing;

/// <summary>What a test needs of the machine, as its trait `Requires` says it. A test without that trait needs nothing and belongs to the
/// unit ring.</summary>
public interface IRequirement : ITraitAttribute
{
    /// <summary>The value of the trait: `dotnet test --filter Requires=VALUE`.</summary>
    string Requirement { get; }
}

/// <summary>Tells xunit the trait of an <see cref="IRequirement"/>.</summary>
public sealed class RequirementDiscoverer : ITraitDiscoverer
{
    internal const string Assembly = "Twill.Testing";
    internal const string Name = $"{Assembly}.{nameof(RequirementDiscoverer)}";

    public IEnumerable<KeyValuePair<string, string>> GetTraits(IAttributeInfo traitAttribute) =>
        [new("Requires", traitAttribute.GetNamedArgument<string>(nameof(IRequirement.Requirement)))];
}
