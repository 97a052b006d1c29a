using System.Net;

namespace Twill.Testing;

/// <summary>How a test wants its etcd.</summary>
public sealed record EtcdServerOptions
{
    /// <summary>The address it serves clients on.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>0: a free port.</summary>
    public int Port { get; init; }

    /// <summary>Words that start it inside other namespaces, e.g. `nsenter --net=PATH --`.</summary>
    public IReadOnlyList<string> Prefix { get; init; } = [];

    /// <summary>Serve https with a certificate of an authority made for this server.</summary>
    public bool Tls { get; init; }

    /// <summary>Ask clients for a certificate of the same authority; only with <see cref="Tls"/>.</summary>
    public bool ClientCertificates { get; init; }

    /// <summary>Turn on authentication with the user root and this password.</summary>
    public string? RootPassword { get; init; }

    /// <summary>Seconds a token lives (etcd's default is 300); only with <see cref="RootPassword"/>.</summary>
    public int? TokenTtl { get; init; }

    /// <summary>Further arguments for etcd.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];
}
