using System.Globalization;
using System.Net;
using Twill.Cluster.Tests.Leases;
using Twill.Testing;

namespace Twill.Cluster.Tests.Etcd;

/// <summary>etcd with authentication on whose users are the common names of clients' certificates (`--client-cert-auth`): each host has
/// rights of its own, and nobody logs in. Without its JSON gateway, which could not do this.</summary>
[RequiresEtcd]
public sealed class EtcdCertificateUserTests : IDisposable
{
    private readonly EtcdServer _etcd = EtcdServer.Start(
        new EtcdServerOptions
        {
            Tls = true,
            ClientCertificates = true,
            RootPassword = "root-secret",
            Arguments = ["--bcrypt-cost", "4", "--enable-grpc-gateway=false"],
        }
    );

    public EtcdCertificateUserTests()
    {
        foreach (string host in new[] { "host-1", "host-2" })
        {
            _etcd.Etcdctl("role", "add", host);
            _etcd.Etcdctl("role", "grant-permission", host, "readwrite", "/tw/net/config");
            _etcd.Etcdctl("role", "grant-permission", host, "readwrite", "--prefix=true", "/tw/net/subnets/");
            _etcd.Etcdctl("role", "grant-permission", host, "read", "--prefix=true", "/tw/net/twill/nodes/");
            _etcd.Etcdctl("role", "grant-permission", host, "readwrite", $"/tw/net/twill/nodes/{host}");
            _etcd.Etcdctl("user", "add", host, "--no-password");
            _etcd.Etcdctl("user", "grant-role", host, host);
        }
    }

    [Fact]
    public async Task The_certificates_name_is_the_user_and_nobody_logs_in()
    {
        using EtcdClient one = Client("host-1"),
            two = Client("host-2");
        double logins = Logins();
        LeaseStore first = new(one, "/tw/net", "host-1", SharedEtcd.Clock),
            second = new(two, "/tw/net", "host-2", SharedEtcd.Clock);
        await first.EnsureConfigAsync(TestNode.Sixteen);
        HeldLease held = await first.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        await using IAsyncEnumerator<LeaseEvent> watch = second.WatchAsync().GetAsyncEnumerator();
        (await watch.MoveNextAsync()).Should().BeTrue();
        ((LeaseSnapshot)watch.Current).Leases.Should().ContainSingle();
        HeldLease other = await second.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(2), 60);
        (await watch.MoveNextAsync()).Should().BeTrue();
        watch.Current.Should().BeOfType<LeaseChanged>();

        (await first.RenewAsync(held, SharedEtcd.Host(1))).Lost.Should().BeEmpty();
        await first.ReleaseAsync(held);
        await second.ReleaseAsync(other);

        Logins().Should().Be(logins, "the certificate is enough");
        Keys().Should().Equal("/tw/net/config");
    }

    [Fact]
    public async Task Each_host_has_the_rights_of_its_own_role()
    {
        using EtcdClient one = Client("host-1");
        Func<Task> others = () => one.PutAsync("/tw/net/twill/nodes/host-2", "x"u8.ToArray());

        await one.PutAsync("/tw/net/twill/nodes/host-1", "x"u8.ToArray());
        EtcdException e = (await others.Should().ThrowAsync<EtcdException>()).Which;

        (e.Kind, e.IsTransient).Should().Be((EtcdErrorKind.Denied, false));
        Keys().Should().Equal("/tw/net/twill/nodes/host-1");
    }

    [Fact]
    public async Task A_certificate_of_nobody_is_denied()
    {
        using EtcdClient nobody = Client("stranger");
        Func<Task> get = () => nobody.GetAsync("/tw/net/config");

        (await get.Should().ThrowAsync<EtcdException>()).Which.Kind.Should().BeOneOf(EtcdErrorKind.Denied, EtcdErrorKind.Unauthorized);
    }

    [Fact]
    public async Task A_role_that_is_taken_away_and_given_back_counts_at_once()
    {
        using EtcdClient one = Client("host-1");
        await one.GetAsync("/tw/net/config");
        Func<Task> get = () => one.GetAsync("/tw/net/config");

        _etcd.Etcdctl("user", "revoke-role", "host-1", "host-1");
        (await get.Should().ThrowAsync<EtcdException>()).Which.Kind.Should().Be(EtcdErrorKind.Denied);
        _etcd.Etcdctl("user", "grant-role", "host-1", "host-1");

        await get.Should().NotThrowAsync();
    }

    [Fact]
    public async Task A_replaced_client_certificate_is_used_by_the_next_connection()
    {
        (string cert, string key) = _etcd.Certificates!.IssueClient("host-1");
        using EtcdClient client = new(new EtcdOptions([_etcd.Endpoint], _etcd.Certificates.CaFile, cert, key));
        await client.PutAsync("/tw/net/twill/nodes/host-1", "x"u8.ToArray());
        (string newCert, string newKey) = _etcd.Certificates.IssueClient("host-2");

        File.Copy(newCert, cert, overwrite: true);
        File.Copy(newKey, key, overwrite: true);
        await client.PutAsync("/tw/net/twill/nodes/host-1", "y"u8.ToArray()); // the connection there is goes on
        client.Abandon(IPAddress.Loopback);

        await client.PutAsync("/tw/net/twill/nodes/host-2", "z"u8.ToArray());
        Func<Task> former = () => client.PutAsync("/tw/net/twill/nodes/host-1", "z"u8.ToArray());
        (await former.Should().ThrowAsync<EtcdException>()).Which.Kind.Should().Be(EtcdErrorKind.Denied);
    }

    public void Dispose() => _etcd.Dispose();

    private EtcdClient Client(string user)
    {
        (string cert, string key) = _etcd.Certificates!.IssueClient(user);
        return new EtcdClient(new EtcdOptions([_etcd.Endpoint], _etcd.Certificates.CaFile, cert, key));
    }

    private IEnumerable<string> Keys() => _etcd.List("/tw/").Keys;

    /// <summary>How often somebody has logged in, by etcd's count; etcdctl does each time that the test uses it.</summary>
    private double Logins()
    {
        TestCertificates files = _etcd.Certificates!;
        string[] curl = ["-sS", "--cacert", files.CaFile, "--cert", files.ClientCertFile, "--key", files.ClientKeyFile];
        string metrics = Cmd.Run("curl", [.. curl, $"{_etcd.Endpoint}/metrics"]).OrThrow().Stdout;
        return metrics
            .Split('\n')
            .Where(l =>
                l.StartsWith("grpc_server_handled_total{", StringComparison.Ordinal)
                && l.Contains("\"Authenticate\"", StringComparison.Ordinal)
            )
            .Sum(l => double.Parse(l.Split(' ')[1], CultureInfo.InvariantCulture));
    }
}
