using Xunit.Sdk;

namespace Twill.Testing;

/// <summary>A test, or every test of a class, that starts a real etcd. `build/test.sh --unit` leaves it out.</summary>
[TraitDiscoverer(RequirementDiscoverer.Name, RequirementDiscoverer.Assembly)]
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class RequiresEtcdAttribute : Attribute, IRequirement
{
    public string Requirement => "etcd";
}
