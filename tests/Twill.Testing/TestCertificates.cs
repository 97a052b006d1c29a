using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Twill.Testing;

/// <summary>A certificate authority of its own with a server and a client certificate, as PEM files in a directory.</summary>
public sealed class TestCertificates
{
    private TestCertificates(string directory) => Directory = directory;

    public string Directory { get; }

    public string CaFile => Path.Combine(Directory, "ca.pem");

    private string CaKeyFile => Path.Combine(Directory, "ca-key.pem");

    public string ServerCertFile => Path.Combine(Directory, "server.pem");

    public string ServerKeyFile => Path.Combine(Directory, "server-key.pem");

    public string ClientCertFile => Path.Combine(Directory, "client.pem");

    public string ClientKeyFile => Path.Combine(Directory, "client-key.pem");

    /// <summary>Makes the files; the server's certificate is for <paramref name="addresses"/> and `localhost`.</summary>
    public static TestCertificates Create(string directory, params IPAddress[] addresses) =>
        Create(directory, addresses, TimeSpan.FromDays(1));

    /// <summary>As <see cref="Create(string, IPAddress[])"/>, with a server's certificate that ran out a minute ago.</summary>
    public static TestCertificates CreateExpired(string directory, params IPAddress[] addresses) =>
        Create(directory, addresses, TimeSpan.FromMinutes(-1));

    /// <summary>A client's certificate of the same authority with this common name, in files named after it.</summary>
    public (string CertFile, string KeyFile) IssueClient(string commonName)
    {
        (string cert, string key) = (Path.Combine(Directory, $"{commonName}.pem"), Path.Combine(Directory, $"{commonName}-key.pem"));
        using X509Certificate2 ca = X509Certificate2.CreateFromPemFile(CaFile, CaKeyFile);
        Issue(ca, $"CN={commonName}", [], TimeSpan.FromDays(1), cert, key);
        return (cert, key);
    }

    private static TestCertificates Create(string directory, IPAddress[] addresses, TimeSpan serverLasts)
    {
        TestCertificates files = new(directory);
        using ECDsa caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest caRequest = new("CN=twill test authority", caKey, HashAlgorithmName.SHA256);
        caRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        caRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using X509Certificate2 ca = caRequest.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(2));
        File.WriteAllText(files.CaFile, ca.ExportCertificatePem());
        File.WriteAllText(files.CaKeyFile, caKey.ExportPkcs8PrivateKeyPem());

        Issue(ca, "CN=twill test server", addresses, serverLasts, files.ServerCertFile, files.ServerKeyFile);
        Issue(ca, "CN=twill test client", [], TimeSpan.FromDays(1), files.ClientCertFile, files.ClientKeyFile);
        return files;
    }

    private static void Issue(X509Certificate2 ca, string subject, IPAddress[] addresses, TimeSpan lasts, string certFile, string keyFile)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        foreach (IPAddress address in addresses)
        {
            names.AddIpAddress(address);
        }

        request.CertificateExtensions.Add(names.Build());
        // etcd's gateway connects to its own server with the server's certificate, so that one serves as a client's as well.
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")], false));
        byte[] serial = RandomNumberGenerator.GetBytes(8);
        using X509Certificate2 cert = request.Create(ca, ca.NotBefore, DateTimeOffset.UtcNow + lasts, serial);
        File.WriteAllText(certFile, cert.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
    }
}
