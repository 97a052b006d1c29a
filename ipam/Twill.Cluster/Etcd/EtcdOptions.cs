namespace Twill.Cluster;

/// <summary>How to reach an etcd cluster. Files are read when a client is made, and again for each connection and each login, so that
/// rotated certificates and passwords are picked up. Empty strings mean "not set".</summary>
/// <param name="Endpoints">Client URLs, <c>http://host:port</c> or <c>https://host:port</c>; the one that answered last is asked
/// first. Where a host name has several addresses, each of them is tried.</param>
/// <param name="CaFile">PEM file of the authorities that may sign the server's certificate; not set: those of the system.</param>
/// <param name="CertFile">PEM file of the client's certificate (further certificates in it are sent as intermediates). Needs
/// KeyFile.</param>
/// <param name="KeyFile">PEM file of the client certificate's private key, not encrypted.</param>
/// <param name="Username">etcd user; needs PasswordFile. Not set where etcd takes the user from the common name of the client's
/// certificate (<c>--client-cert-auth</c>).</param>
/// <param name="PasswordFile">File that holds the user's password; one line end after it is ignored.</param>
/// <param name="CallTimeout">Limit for one call over all endpoints; 5 seconds when not given.</param>
public sealed record EtcdOptions(
    IReadOnlyList<string> Endpoints,
    string? CaFile = null,
    string? CertFile = null,
    string? KeyFile = null,
    string? Username = null,
    string? PasswordFile = null,
    TimeSpan? CallTimeout = null
)
{
    /// <summary>The limit for one call: <see cref="CallTimeout"/> or 5 seconds.</summary>
    public TimeSpan EffectiveCallTimeout => CallTimeout ?? TimeSpan.FromSeconds(5);
}
