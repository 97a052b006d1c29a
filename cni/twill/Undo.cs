namespace Twill.Plugin;

/// <summary>
/// What has been done so far and how to take it back. Disposed without <see cref="Commit"/> it runs every step, newest first, whatever
/// the steps before it did: an ADD that fails leaves nothing.
/// </summary>
internal sealed class Undo : IDisposable
{
    private readonly List<(string What, Action Step)> _steps = [];

    /// <summary>Texts of the steps that failed in their turn, for the details of the error that is reported.</summary>
    public List<string> Failures { get; } = [];

    public void Add(string what, Action step) => _steps.Add((what, step));

    public void Commit() => _steps.Clear();

    /// <summary>Takes everything back now; a second call finds nothing left to do.</summary>
    public void RollBack()
    {
        for (int i = _steps.Count - 1; i >= 0; i--)
        {
            (string what, Action step) = _steps[i];
            try
            {
                step();
            }
            catch (Exception failure)
            {
                Failures.Add($"could not {what}: {failure.Message}");
            }
        }
        _steps.Clear();
    }

    public void Dispose() => RollBack();
}
