namespace Twill.Agent.Attach;

/// <summary>A container that a runtime knows.</summary>
/// <param name="Runtime">The runtime.</param>
/// <param name="Id">Its whole id there.</param>
/// <param name="Names">What it is called.</param>
/// <param name="Pid">Its first process; 0: it does not run, null: the runtime is to be asked again for it.</param>
internal sealed record KnownContainer(string Runtime, string Id, IReadOnlyList<string> Names, int? Pid)
{
    /// <summary>What a person calls it.</summary>
    internal string Name => Names.Count > 0 ? Names[0] : Id;
}

/// <summary>What a runtime says.</summary>
/// <param name="Containers">The containers that it knows, also those that do not run.</param>
/// <param name="Absence">Why it was not asked; null: it was.</param>
internal sealed record RuntimeAnswer(IReadOnlyList<KnownContainer> Containers, string? Absence = null);

/// <summary>A container runtime of this host, by what it tells of its containers.</summary>
internal interface IContainerRuntime
{
    /// <summary>What it is called.</summary>
    string Name { get; }

    /// <summary>All that it knows.</summary>
    /// <exception cref="IOException">It is there and does not answer.</exception>
    Task<RuntimeAnswer> ListAsync(CancellationToken stop);

    /// <summary>The first process of a container; 0: it does not run.</summary>
    /// <exception cref="IOException">It does not answer.</exception>
    Task<int> PidOfAsync(KnownContainer container, CancellationToken stop);
}
