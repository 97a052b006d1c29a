namespace Twill.Agent.Names;

/// <summary>What became of queries. From any thread.</summary>
internal sealed class NameFigures
{
    private long _answered,
        _noName,
        _noData,
        _forwarded,
        _refused,
        _failed;

    /// <summary>The figures, by what became of queries.</summary>
    internal IReadOnlyList<(string Result, long Count)> All =>
        [
            ("answered", Interlocked.Read(ref _answered)),
            ("no_name", Interlocked.Read(ref _noName)),
            ("no_data", Interlocked.Read(ref _noData)),
            ("forwarded", Interlocked.Read(ref _forwarded)),
            ("refused", Interlocked.Read(ref _refused)),
            ("failed", Interlocked.Read(ref _failed)),
        ];

    /// <summary>A query was answered from memory.</summary>
    /// <param name="exists">Whether there is such a name.</param>
    /// <param name="found">Whether it has such a record.</param>
    internal void Answered(bool exists, bool found) =>
        Interlocked.Increment(
            ref found ? ref _answered
            : ref exists ? ref _noData
            : ref _noName
        );

    /// <summary>A query was asked elsewhere, and answered.</summary>
    internal void Forwarded() => Interlocked.Increment(ref _forwarded);

    /// <summary>A query made no sense, or was not for this server.</summary>
    internal void Refused() => Interlocked.Increment(ref _refused);

    /// <summary>A query was asked elsewhere, and not answered.</summary>
    internal void Failed() => Interlocked.Increment(ref _failed);
}
