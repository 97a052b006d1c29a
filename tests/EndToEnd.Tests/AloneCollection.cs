namespace Twill.EndToEnd.Tests;

/// <summary>Tests that measure memory, or make as much as they can in a time: nothing runs beside them, after all others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
