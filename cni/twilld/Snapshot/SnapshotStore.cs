namespace Twill.Agent;

/// <summary>The one place where the loops of a network meet: the newest <see cref="NetworkSnapshot"/>, swapped atomically.</summary>
internal sealed class SnapshotStore(NetworkSnapshot initial)
{
    private NetworkSnapshot _current = initial;

    /// <summary>The newest snapshot. Who needs several values of one moment reads this once.</summary>
    internal NetworkSnapshot Current => Volatile.Read(ref _current);

    /// <summary>Publishes the next snapshot.</summary>
    /// <param name="next">From the newest snapshot to the next one. It is called again when another loop published meanwhile, so it must
    /// do nothing else.</param>
    internal void Update(Func<NetworkSnapshot, NetworkSnapshot> next)
    {
        NetworkSnapshot before = Current;
        while (true)
        {
            NetworkSnapshot found = Interlocked.CompareExchange(ref _current, next(before), before);
            if (ReferenceEquals(found, before))
            {
                return;
            }

            before = found;
        }
    }
}
