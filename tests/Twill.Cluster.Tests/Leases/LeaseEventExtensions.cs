namespace Twill.Cluster.Tests.Leases;

/// <summary>What a listener knows after a <see cref="LeaseEvent"/>.</summary>
internal static class LeaseEventExtensions
{
    /// <summary>Brings leases, by key, to what the event tells.</summary>
    internal static void ApplyTo(this LeaseEvent told, Dictionary<string, NodeLease> leases)
    {
        switch (told)
        {
            case LeaseSnapshot snapshot:
                leases.Clear();
                foreach (NodeLease lease in snapshot.Leases)
                {
                    leases[lease.Key] = lease;
                }

                break;
            case LeaseChanged changed:
                leases[changed.Lease.Key] = changed.Lease;
                break;
            case LeaseRemoved removed:
                leases.Remove(removed.Key);
                break;
        }
    }
}
