using Twill.Host.Backends;

namespace Twill.Agent;

/// <summary>The peers that the reconcile loop has made ways to, on their way to the loop that pings them.</summary>
internal sealed class PeerTargets
{
    private readonly Lock _lock = new();
    private List<(bool IsAll, IReadOnlyCollection<PeerPath> Gone, IReadOnlyCollection<PeerPath> There)> _news = [];

    /// <summary>All peers, by a full pass.</summary>
    internal void Replace(IReadOnlyCollection<PeerPath> all)
    {
        lock (_lock)
        {
            _news.Clear();
            _news.Add((true, [], all));
        }
    }

    /// <summary>What changed since.</summary>
    internal void Change(IReadOnlyCollection<PeerPath> gone, IReadOnlyCollection<PeerPath> there)
    {
        lock (_lock)
        {
            _news.Add((false, gone, there));
        }
    }

    /// <summary>Puts what came since the last call into the table.</summary>
    internal void MoveTo(PeerTable table, long now)
    {
        List<(bool IsAll, IReadOnlyCollection<PeerPath> Gone, IReadOnlyCollection<PeerPath> There)> news;
        lock (_lock)
        {
            if (_news.Count == 0)
            {
                return;
            }

            (news, _news) = (_news, []);
        }

        foreach ((bool isAll, IReadOnlyCollection<PeerPath> gone, IReadOnlyCollection<PeerPath> there) in news)
        {
            if (isAll)
            {
                table.Replace(there, now);
            }
            else
            {
                table.Change(gone, there, now);
            }
        }
    }
}
