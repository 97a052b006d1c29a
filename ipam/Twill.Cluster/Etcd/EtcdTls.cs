using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Twill.Cluster;

/// <summary>TLS towards etcd: whom to trust (caFile, else the system's authorities), who we are (certFile + keyFile), and a sentence for
/// each reason why a handshake failed. Verification is never off. The files are read for each connection, so that one made after they were
/// replaced uses the new ones.</summary>
internal sealed class EtcdTls
{
    private readonly EtcdOptions _options;
    private readonly SslClientAuthenticationOptions _ssl;
    private string? _distrust;

    private EtcdTls(EtcdOptions options, string host)
    {
        _options = options;
        _ssl = new SslClientAuthenticationOptions
        {
            TargetHost = host,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            CertificateChainPolicy = string.IsNullOrEmpty(options.CaFile) ? null : TrustOnly(LoadAuthorities(options.CaFile)),
            RemoteCertificateValidationCallback = IsTrusted,
            ClientCertificateContext = LoadClient(options.CertFile, options.KeyFile),
        };
    }

    /// <summary>Reads the files, so that what is wrong with them is told before the first call.</summary>
    /// <exception cref="EtcdException">Configuration: which file, and what is wrong with it.</exception>
    public static void CheckFiles(EtcdOptions options) => _ = new EtcdTls(options, "");

    /// <summary>Makes TLS of a connection.</summary>
    /// <exception cref="EtcdConnectionException">The handshake failed, and why.</exception>
    /// <exception cref="EtcdException">Configuration: a file became unusable.</exception>
    public static Task<Stream> HandshakeAsync(EtcdConnection connection, string host, EtcdOptions options, CancellationToken cancel) =>
        new EtcdTls(options, host).HandshakeAsync(connection, cancel);

    private async Task<Stream> HandshakeAsync(EtcdConnection connection, CancellationToken cancel)
    {
        TlsStream stream = new(connection, this);
        try
        {
            await stream.AuthenticateAsClientAsync(_ssl, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            throw new EtcdConnectionException(
                EtcdErrorKind.Tls,
                $"TLS failed: {_distrust ?? Reason(e, connection)}",
                notCarriedOut: true,
                e
            );
        }

        return stream.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2
            ? stream
            : throw new EtcdConnectionException(
                EtcdErrorKind.Protocol,
                "the server speaks TLS but not HTTP/2, as etcd does; is this etcd's client URL?",
                notCarriedOut: true
            );
    }

    private string Reason(Exception e, EtcdConnection connection) =>
        connection.First is HandshakeRecord or AlertRecord
            ? $"{EtcdFault.Innermost(e)}; {ClientCertificateAdvice()}"
            : $"{EtcdFault.Innermost(e)}; does the endpoint speak TLS at all, or should it be http://?";

    private string ClientCertificateAdvice() =>
        string.IsNullOrEmpty(_options.CertFile)
            ? "it may want a client certificate: set certFile and keyFile"
            : $"it may not trust the client certificate {_options.CertFile}, or the certificate has expired";

    private bool IsTrusted(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        _distrust = certificate is X509Certificate2 server
            ? Distrust(server, chain, errors, _ssl.TargetHost ?? "")
            : "the server showed no certificate";
        return _distrust is null;
    }

    /// <summary>The first byte of a TLS record: its content type (RFC 8446, 5.1).</summary>
    private const byte AlertRecord = 21,
        HandshakeRecord = 22;

    /// <summary>With TLS 1.3 a server refuses the client's certificate, or that there is none, after the handshake is over for the
    /// client: by an alert that is read, while what is written meanwhile fails because the server has closed.</summary>
    private sealed class TlsStream(EtcdConnection connection, EtcdTls tls) : SslStream(connection, leaveInnerStreamOpen: false)
    {
        /// <summary>How long an alert that is here already may take to be read.</summary>
        private static readonly TimeSpan AlertTime = TimeSpan.FromSeconds(1);

        private readonly TaskCompletionSource<IOException?> _readEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                int count = await base.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (count == 0 && buffer.Length > 0)
                {
                    _readEnd.TrySetResult(null);
                }

                return count;
            }
            catch (IOException e)
            {
                // The connection itself is well: it is TLS that has ended.
                IOException? refused = connection.HasEnded ? null : Refused(e);
                _readEnd.TrySetResult(refused);
                throw refused ?? e;
            }
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                await base.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                await Task.WhenAny(_readEnd.Task, Task.Delay(AlertTime, CancellationToken.None)).ConfigureAwait(false);
                if (_readEnd.Task is { IsCompletedSuccessfully: true, Result: { } refused })
                {
                    throw refused;
                }

                throw;
            }
        }

        private EtcdConnectionException Refused(IOException e) =>
            new(
                EtcdErrorKind.Tls,
                $"etcd broke off after the TLS handshake ({EtcdFault.Innermost(e)}); {tls.ClientCertificateAdvice()}",
                notCarriedOut: false,
                e
            );
    }

    private string? Distrust(X509Certificate2 server, X509Chain? chain, SslPolicyErrors errors, string host)
    {
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            return $"its certificate is for {Names(server)}, not for '{host}'; reach it by one of those names, or issue a certificate "
                + $"that has it";
        }
        if (errors == SslPolicyErrors.None)
        {
            return null;
        }

        DateTime now = DateTime.UtcNow,
            from = server.NotBefore.ToUniversalTime(),
            until = server.NotAfter.ToUniversalTime();
        if (now > until)
        {
            return $"its certificate ({server.Subject}) ran out at {until:yyyy-MM-dd'T'HH:mm:ss'Z'}: renew it there, or set this "
                + $"host's clock";
        }

        if (now < from)
        {
            return $"its certificate ({server.Subject}) is valid from {from:yyyy-MM-dd'T'HH:mm:ss'Z'} on only: set this host's clock";
        }

        return string.IsNullOrEmpty(_options.CaFile)
            ? $"its certificate ({server.Subject}) is not trusted by this system: {Status(chain)}; set caFile if it has an authority "
                + $"of its own"
            : $"its certificate ({server.Subject}, issued by {server.Issuer}) does not verify against caFile {_options.CaFile}: "
                + $"{Status(chain)}";
    }

    /// <summary>Nobody but these may have signed the server's certificate: the system's authorities do not count.</summary>
    private static X509ChainPolicy TrustOnly(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(authorities);
        policy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1")); // server authentication
        return policy;
    }

    private static string Status(X509Chain? chain)
    {
        if (chain is null)
        {
            return "no chain";
        }

        List<string> texts = [];
        foreach (X509ChainStatus status in chain.ChainStatus)
        {
            string text = $"{status.Status} ({status.StatusInformation.Trim()})";
            if (!texts.Contains(text))
            {
                texts.Add(text);
            }
        }
        return texts.Count == 0 ? "unknown reason" : string.Join(", ", texts);
    }

    private static string Names(X509Certificate2 certificate)
    {
        List<string> names = [];
        foreach (X509Extension extension in certificate.Extensions)
        {
            if (extension is not X509SubjectAlternativeNameExtension alternative)
            {
                continue;
            }

            foreach (string name in alternative.EnumerateDnsNames())
            {
                names.Add($"'{name}'");
            }

            foreach (IPAddress address in alternative.EnumerateIPAddresses())
            {
                names.Add($"'{address}'");
            }
        }
        return names.Count == 0
            ? $"no host name at all ({certificate.Subject}; only subject alternative names count)"
            : string.Join(", ", names);
    }

    private static X509Certificate2Collection LoadAuthorities(string file)
    {
        var authorities = new X509Certificate2Collection();
        RefuseOddFile("caFile", file);
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception e) when (IsFileError(e))
        {
            throw Bad($"caFile {file} cannot be used: {Why(e, file)}", e);
        }
        return authorities.Count > 0
            ? authorities
            : throw Bad($"caFile {file} holds no certificate; expected PEM (-----BEGIN CERTIFICATE-----)");
    }

    private static SslStreamCertificateContext? LoadClient(string? certFile, string? keyFile)
    {
        if (string.IsNullOrEmpty(certFile) && string.IsNullOrEmpty(keyFile))
        {
            return null;
        }

        if (string.IsNullOrEmpty(keyFile))
        {
            throw Bad($"certFile {certFile} is given without keyFile; a client certificate needs both");
        }

        if (string.IsNullOrEmpty(certFile))
        {
            throw Bad($"keyFile {keyFile} is given without certFile; a client certificate needs both");
        }

        var chain = new X509Certificate2Collection();
        RefuseOddFile("certFile", certFile);
        RefuseOddFile("keyFile", keyFile);
        try
        {
            chain.ImportFromPemFile(certFile);
        }
        catch (Exception e) when (IsFileError(e))
        {
            throw Bad($"certFile {certFile} cannot be used: {Why(e, certFile)}", e);
        }
        if (chain.Count == 0)
        {
            throw Bad($"certFile {certFile} holds no certificate; expected PEM (-----BEGIN CERTIFICATE-----)");
        }

        try
        {
            X509Certificate2 own = X509Certificate2.CreateFromPemFile(certFile, keyFile);
            chain.RemoveAt(0);
            return SslStreamCertificateContext.Create(own, chain, offline: true);
        }
        catch (Exception e) when (IsFileError(e))
        {
            throw Bad(
                $"keyFile {keyFile} cannot be used: {Why(e, keyFile)}; expected the unencrypted PEM private key that belongs to {certFile}",
                e
            );
        }
    }

    private static void RefuseOddFile(string key, string file)
    {
        if (EtcdFiles.Fault(file) is { } fault)
        {
            throw Bad($"{key} {file} {fault}; expected PEM");
        }
    }

    private static bool IsFileError(Exception e) =>
        e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;

    private static string Why(Exception e, string file) =>
        e switch
        {
            FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException => EtcdFiles.Why(e, file),
            CryptographicException or ArgumentException => "its content is not what it should be",
            _ => e.Message,
        };

    private static EtcdException Bad(string message, Exception? cause = null) => new(EtcdErrorKind.Configuration, "", message, cause);
}
