using System.Net;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Faults;

/// <summary>A host, and servers whose certificates are of an authority of their own each: one good, one that ran out, one for another
/// name.</summary>
public sealed class TlsServers : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();
    private readonly List<Daemon> _servers = [];

    public TlsServers()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Lab = Lab.Create();
        try
        {
            Host = Lab.AddHost("host");
            Good = Serve("good", directory => TestCertificates.Create(directory, IPAddress.Parse(Lab.GatewayAddress)), GoodPort);
            Expired = Serve(
                "expired",
                directory => TestCertificates.CreateExpired(directory, IPAddress.Parse(Lab.GatewayAddress)),
                ExpiredPort
            );
            Renamed = Serve("renamed", directory => TestCertificates.Create(directory), RenamedPort);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal const int GoodPort = 2379,
        ExpiredPort = 2380,
        RenamedPort = 2381;

    internal Lab Lab { get; } = null!;

    internal LabHost Host { get; } = null!;

    internal TestCertificates Good { get; } = null!;

    internal TestCertificates Expired { get; } = null!;

    internal TestCertificates Renamed { get; } = null!;

    public void Dispose()
    {
        _servers.ForEach(server => server.Dispose());
        Lab?.Dispose();
        _directory.Dispose();
    }

    private TestCertificates Serve(string name, Func<string, TestCertificates> create, int port)
    {
        TestCertificates files = create(Directory.CreateDirectory(_directory.At(name)).FullName);
        string script = Path.Combine(RepoPaths.Root, "tests", "EndToEnd.Tests", "Faults", "tls.py");
        Daemon server = Daemon.Start(
            name,
            [.. Lab.Outside.Enter, "python3", script, $"{port}", files.ServerCertFile, files.ServerKeyFile],
            _directory.At($"{name}.log")
        );
        _servers.Add(server);
        Eventually.True(
            $"{name} listens",
            () => Lab.Outside.Sh("ss -Htln").Contains($":{port} ", StringComparison.Ordinal),
            onFailure: () => server.Log
        );
        return files;
    }
}

/// <summary>What the plugin answers and what the agent logs about each certificate that is wrong: which one, why, and what to do.</summary>
public sealed class CertificateTests(TlsServers servers) : IClassFixture<TlsServers>
{
    [RequiresRootTheory]
    [InlineData("expired", "ENDPOINT", "ran out", "renew it")]
    [InlineData("another name", "ENDPOINT", "is for 'localhost', not for '192.168.50.254'", "issue a certificate that has it")]
    [InlineData("another authority", "ENDPOINT", "does not verify against caFile AUTHORITY")]
    [InlineData("no authority", "ENDPOINT", "not trusted by this system", "set caFile")]
    [InlineData("caFile missing", "caFile /nowhere/ca.pem cannot be used: it does not exist")]
    [InlineData("certFile missing", "certFile /nowhere/client.pem cannot be used: it does not exist")]
    [InlineData("key of another", "keyFile KEYFILE cannot be used", "the unencrypted PEM private key that belongs to CERTFILE")]
    [InlineData("no key", "etcd.keyFile", "because certFile is set")]
    public void What_is_wrong_with_a_certificate_is_told(string what, params string[] told)
    {
        TestCertificates own = servers.Good,
            other = servers.Renamed;
        int port = what switch
        {
            "expired" => TlsServers.ExpiredPort,
            "another name" => TlsServers.RenamedPort,
            _ => TlsServers.GoodPort,
        };
        string endpoint = $"https://{Lab.GatewayAddress}:{port}";
        (string ca, string cert, string key) = what switch
        {
            "expired" => (servers.Expired.CaFile, "", ""),
            "another name" => (other.CaFile, "", ""),
            "another authority" => (other.CaFile, "", ""),
            "no authority" => ("", "", ""),
            "caFile missing" => ("/nowhere/ca.pem", "", ""),
            "certFile missing" => (own.CaFile, "/nowhere/client.pem", own.ClientKeyFile),
            "key of another" => (own.CaFile, own.ClientCertFile, other.ClientKeyFile),
            _ => (own.CaFile, own.ClientCertFile, ""),
        };
        JsonObject conf = SampleConf.Cluster(endpoint);
        JsonObject etcd = conf.Ipam()["etcd"]!.AsObject();
        (etcd["caFile"], etcd["certFile"], etcd["keyFile"]) = (ca, cert, key);
        string[] expected =
        [
            .. told.Select(text =>
                text.Replace("ENDPOINT", endpoint, StringComparison.Ordinal)
                    .Replace("AUTHORITY", ca, StringComparison.Ordinal)
                    .Replace("CERTFILE", cert, StringComparison.Ordinal)
                    .Replace("KEYFILE", key, StringComparison.Ordinal)
            ),
        ];
        servers.Host.Configure(conf);

        CniAnswer answer = (servers.Host.Plugin("twill") with { ContainerId = "c", IfName = "eth0", Netns = Netns() }).Add(
            conf.ForPlugin().ToJsonString()
        );
        answer.ExitCode.Should().NotBe(0);
        answer.ErrorText.Should().ContainAll(expected);
        Leftovers.Of(servers.Host).Should().BeEmpty();

        Daemon agent = servers.Host.StartAgent();
        Eventually.Pass(() => agent.Log.Should().ContainAll(expected), TimeSpan.FromSeconds(20));
        agent.Kill();
    }

    private string Netns()
    {
        servers.Host.Run("ip", "netns", "add", "c");
        return "/run/netns/c";
    }
}
