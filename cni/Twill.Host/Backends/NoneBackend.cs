using System.Net.Sockets;
using Twill.Host.Reconcile;

namespace Twill.Host.Backends;

/// <summary>One host, or a network that something else routes: nothing is wanted for other hosts.</summary>
public sealed class NoneBackend : IBackend
{
    /// <summary>The name in the configuration.</summary>
    public const string TypeName = "none";

    /// <inheritdoc/>
    public string Type => TypeName;

    /// <inheritdoc/>
    public bool NeedsMainRoutes => false;

    /// <inheritdoc/>
    public int Overhead(AddressFamily underlay) => 0;

    /// <inheritdoc/>
    public Desired ComputeDesired(LocalNode self, IEnumerable<PeerLease> others) => new();
}
