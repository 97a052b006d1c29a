using System.Net.Sockets;
using Twill.Host.Reconcile;
using Twill.Network.Configuration;

namespace Twill.Host.Backends;

/// <summary>One host, or a network that something else routes: nothing is wanted for other hosts.</summary>
public sealed record NoneBackend : BackendConf, IBackend
{
    /// <summary>The name in the configuration.</summary>
    public const string TypeName = "none";

    /// <inheritdoc/>
    public override string Type => TypeName;

    /// <inheritdoc/>
    public override bool JoinsHosts => false;

    /// <inheritdoc/>
    public override int Overhead(AddressFamily underlay) => 0;

    /// <inheritdoc/>
    public Desired ComputeDesired(LocalNode self, IEnumerable<PeerLease> others) => new();
}
