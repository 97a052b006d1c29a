using Twill.Cni;

namespace Twill.Plugin;

/// <summary>Steps of which each is tried whatever became of the others. The first failure decides the error, the rest are its
/// details.</summary>
internal sealed class Cleanup
{
    private readonly List<(string What, Exception Failure)> _failures = [];

    public Cleanup Try(string what, Action step)
    {
        try
        {
            step();
        }
        catch (Exception failure)
        {
            _failures.Add((what, failure));
        }
        return this;
    }

    /// <exception cref="CniException">A step failed: the code of the first, and the texts of all.</exception>
    public void ThrowIfAny()
    {
        if (_failures.Count == 0)
        {
            return;
        }

        (string what, Exception first) = _failures[0];
        List<string> more = [];
        for (int i = 1; i < _failures.Count; i++)
        {
            more.Add($"{_failures[i].What}: {_failures[i].Failure.Message}");
        }

        CniException known = ErrorMapping.AsCni(first);
        throw new CniException(known.Code, $"{what}: {known.Message}", string.Join("; ", [known.Details, .. more]).Trim(' ', ';'), first);
    }
}
