using Twill.Host.Backends;

namespace Twill.Host.Reconcile;

/// <summary>
/// Hosts that changed, with all others whose entries may have to change with theirs, so that a backend's answer for these few is the same
/// as for all: those that share a <see cref="PeerMark"/> with them.
/// </summary>
/// <param name="Before">Their leases as they were.</param>
/// <param name="After">Their leases as they are.</param>
public sealed record PeerChange(IReadOnlyList<PeerLease> Before, IReadOnlyList<PeerLease> After)
{
    /// <summary>Finds the others.</summary>
    /// <param name="before">The changed leases as they were; without those that are new.</param>
    /// <param name="after">The changed leases as they are; without those that are gone.</param>
    /// <param name="unchanged">All other leases; gone through at least once. None when <see cref="SharedMarks"/> says that nobody of them
    /// has to do with these.</param>
    public static PeerChange Of(IEnumerable<PeerLease> before, IEnumerable<PeerLease> after, IEnumerable<PeerLease> unchanged)
    {
        List<PeerLease> was = [.. before],
            now = [.. after];
        HashSet<PeerMark> marks = [];
        HashSet<PeerLease> found = new(ReferenceEqualityComparer.Instance);
        was.ForEach(peer => marks.UnionWith(PeerMark.Of(peer)));
        now.ForEach(peer => marks.UnionWith(PeerMark.Of(peer)));

        // Once through all of them, as a rule: only what is found can lead to more.
        for (int last = -1; found.Count != last;)
        {
            last = found.Count;
            foreach (PeerLease peer in unchanged)
            {
                if (PeerMark.Of(peer).Exists(marks.Contains) && found.Add(peer))
                {
                    marks.UnionWith(PeerMark.Of(peer));
                    was.Add(peer);
                    now.Add(peer);
                }
            }
        }

        return new PeerChange(was, now);
    }
}
