namespace Twill.Plugin.Cli.Doctor;

/// <summary>How a check came out.</summary>
internal enum Outcome
{
    Ok,
    Warning,
    Failed,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Network">the network; null: the host</param>
/// <param name="Name">what was looked at</param>
/// <param name="Outcome">how it is</param>
/// <param name="Text">what was found, with names and values</param>
/// <param name="Remedy">what to do about it; null when nothing is to be done</param>
internal sealed record Check(string? Network, string Name, Outcome Outcome, string Text, string? Remedy = null);

/// <summary>Collects the checks of the host, or of one network.</summary>
internal sealed class Findings(string? network)
{
    private readonly List<Check> _checks = [];

    public IReadOnlyList<Check> Checks => _checks;

    public void Ok(string name, string text) => _checks.Add(new Check(network, name, Outcome.Ok, text));

    public void Warn(string name, string text, string remedy) => _checks.Add(new Check(network, name, Outcome.Warning, text, remedy));

    public void Fail(string name, string text, string remedy) => _checks.Add(new Check(network, name, Outcome.Failed, text, remedy));

    /// <summary>Looks; good news counts only when the look found nothing bad.</summary>
    /// <param name="name">what is looked at</param>
    /// <param name="look">adds what is wrong</param>
    /// <param name="fine">what is said when nothing is; null: nothing</param>
    public void Look(string name, Action look, Func<string?> fine)
    {
        int before = _checks.Count;
        try
        {
            look();
            if (_checks.Count == before && fine() is { } text)
            {
                Ok(name, text);
            }
        }
        catch (Exception e)
        {
            Fail(name, $"cannot be looked at: {ErrorMapping.AsCni(e).Text}", "twill doctor needs root, in the host's own namespaces");
        }
    }
}
