namespace Twill.Cluster.Tests.Model;

/// <summary>Decides everything that is not decided by the code under test: which event is next, what chance picks.</summary>
internal abstract class Chooser
{
    /// <summary>A number from 0 to <paramref name="among"/> - 1.</summary>
    public abstract int Next(int among);
}

/// <summary>Chance with a seed.</summary>
internal sealed class SeededChooser(int seed) : Chooser
{
    private readonly Random _random = new(seed);

    public override int Next(int among) => _random.Next(among);
}

/// <summary>A path through the tree of all choices: as far as it is given it is followed, from there on the first choice is
/// taken.</summary>
internal sealed class PathChooser : Chooser
{
    private readonly List<(int Chosen, int Among)> _path = [];
    private int _at;
    private int _given;

    /// <summary>True while what was walked before is walked again.</summary>
    public bool IsReplaying => _at < _given;

    public IReadOnlyList<int> Path => _path.ConvertAll(p => p.Chosen);

    public override int Next(int among)
    {
        if (_at == _path.Count)
        {
            _path.Add((0, among));
        }
        else if (_path[_at].Among != among)
        {
            throw new InvalidOperationException(
                $"choice {_at} was among {_path[_at].Among} and is now among {among}: the model is not deterministic"
            );
        }

        return _path[_at++].Chosen;
    }

    public void Restart() => _at = 0;

    /// <summary>Moves to the next path, depth first; false when every one was walked.</summary>
    public bool Advance()
    {
        _path.RemoveRange(_at, _path.Count - _at);
        while (_path.Count > 0 && _path[^1].Chosen + 1 == _path[^1].Among)
        {
            _path.RemoveAt(_path.Count - 1);
        }

        if (_path.Count == 0)
        {
            return false;
        }

        _path[^1] = (_path[^1].Chosen + 1, _path[^1].Among);
        (_at, _given) = (0, _path.Count);
        return true;
    }
}

/// <summary>The chance inside the code under test: what it picks among few is a choice of the model; waits are picked from many and are
/// none.</summary>
internal sealed class ModelRandom(Func<int, int> choose) : Random
{
    private const int ShortestWait = 10;

    public override int Next(int maxValue) => maxValue < ShortestWait ? choose(maxValue) : 0;

    public override long NextInt64(long maxValue) => choose((int)maxValue);
}
