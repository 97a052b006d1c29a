using Twill.Network.Configuration;

namespace Twill.Host.Backends;

/// <summary>The table of backends. A new one is a class, and a line here.</summary>
public static class BackendTable
{
    /// <summary>All backends.</summary>
    public static BackendTypes All { get; } = new(new VxlanBackend(), new HostGwBackend(), new WireGuardBackend(), new NoneBackend());

    /// <summary>What a network's backend does to the host.</summary>
    /// <exception cref="InvalidOperationException">The backend in the table does nothing to hosts.</exception>
    public static IBackend Of(TwillConf conf) =>
        conf.Backend as IBackend ?? throw new InvalidOperationException($"backend {conf.Backend.Type} is no {nameof(IBackend)}");
}
