namespace Twill.Cluster;

/// <summary>Why there is no connection, or none that serves, found out below gRPC: it travels through the HTTP client as the cause of what
/// that throws, and <see cref="EtcdFault"/> finds it there.</summary>
/// <param name="kind">What a caller decides by.</param>
/// <param name="text">What is wrong, without call and endpoint.</param>
/// <param name="notCarriedOut">True when no request can have been sent.</param>
/// <param name="cause">The exception below, if any.</param>
internal sealed class EtcdConnectionException(EtcdErrorKind kind, string text, bool notCarriedOut, Exception? cause = null)
    : IOException(text, cause)
{
    public EtcdErrorKind Kind { get; } = kind;

    public bool NotCarriedOut { get; } = notCarriedOut;
}
