namespace Twill.EndToEnd.Tests.Cli.Broken;

/// <summary>A way to break a network, and what an operator is told of it.</summary>
/// <param name="Name">What is broken, in a few words: the row's name in the test run.</param>
/// <param name="Damage">The shell commands that break it on the host. <c>$END</c> and its like stand for what <see cref="Patient"/>
/// knows.</param>
/// <param name="Check">The check of doctor that fails.</param>
/// <param name="Words">What it says.</param>
public sealed record Breakage(string Name, string Damage, string Check, string Words)
{
    /// <summary>Whether the agent runs while doctor looks. Else it sleeps: it would mend before anybody has seen.</summary>
    public bool AgentAwake { get; init; }

    /// <summary>What a person does who follows advice that is no command, such as "correct the file"; null: the advice is a command, or to
    /// leave it to the agent.</summary>
    public string? Person { get; init; }

    /// <summary>What the advice says, where a person carries it out.</summary>
    public string Advice { get; init; } = "";

    /// <summary>What to take away afterwards that hinders nothing: copies, foreign devices.</summary>
    public string CleanUp { get; init; } = "";

    public override string ToString() => Name;
}
