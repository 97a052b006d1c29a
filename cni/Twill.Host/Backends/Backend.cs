namespace Twill.Host.Backends;

/// <summary>Chooses a backend by its name.</summary>
public static class Backend
{
    /// <summary>The backend that the configuration asks for.</summary>
    /// <exception cref="UnsupportedBackendException">There is no such backend; the message names those there are.</exception>
    public static IBackend Create(BackendOptions options) =>
        options.Type switch
        {
            VxlanBackend.TypeName => new VxlanBackend(options),
            HostGwBackend.TypeName => new HostGwBackend(),
            WireGuardBackend.TypeName => new WireGuardBackend(options),
            NoneBackend.TypeName => new NoneBackend(),
            _ => throw new UnsupportedBackendException(
                $"backend.type: expected \"vxlan\", \"host-gw\", \"wireguard\" or \"none\", got \"{options.Type}\""
            ),
        };
}

/// <summary>The configuration asks for a backend that there is not.</summary>
/// <param name="message">Which one, and those there are.</param>
public sealed class UnsupportedBackendException(string message) : Exception(message);
