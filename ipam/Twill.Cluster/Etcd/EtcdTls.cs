using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Twill.Cluster;

/// <summary>TLS towards etcd: whom to trust (caFile, else the system's authorities), who we are (certFile + keyFile), and a sentence for
/// each reason why a handshake failed. Verification is never off.</summary>
internal sealed class EtcdTls
{
    private readonly EtcdOptions _options;
    private readonly ConcurrentDictionary<string, string> _reasons = new();

    public EtcdTls(EtcdOptions options)
    {
        _options = options;
        Ssl = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            CertificateChainPolicy = string.IsNullOrEmpty(options.CaFile) ? null : TrustOnly(LoadAuthorities(options.CaFile)),
            RemoteCertificateValidationCallback = IsTrusted,
            ClientCertificateContext = LoadClient(options.CertFile, options.KeyFile),
        };
    }

    public SslClientAuthenticationOptions Ssl { get; }

    /// <summary>Why the last handshake with this host failed, in a sentence; null when it was not our verification that failed.</summary>
    public string? Reason(string host) => _reasons.TryGetValue(host, out string? reason) ? reason : null;

    private bool IsTrusted(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        string host = (sender as SslStream)?.TargetHostName ?? "";
        string? reason = certificate is X509Certificate2 server
            ? Distrust(server, chain, errors, host)
            : "the server showed no certificate";
        if (reason is null)
        {
            _reasons.TryRemove(host, out _);
        }
        else
        {
            _reasons[host] = reason;
        }

        return reason is null;
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
        catch (Exception e) when (IsFileTrouble(e))
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
        catch (Exception e) when (IsFileTrouble(e))
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
        catch (Exception e) when (IsFileTrouble(e))
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

    private static bool IsFileTrouble(Exception e) =>
        e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;

    private static string Why(Exception e, string file) =>
        e switch
        {
            FileNotFoundException or DirectoryNotFoundException => "it does not exist",
            UnauthorizedAccessException => Directory.Exists(file) ? "it is a directory" : "no permission to read it",
            CryptographicException or ArgumentException => "its content is not what it should be",
            _ => e.Message,
        };

    private static EtcdException Bad(string message, Exception? cause = null) => new(EtcdErrorKind.Configuration, "", message, cause);
}
