using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Twill.Testing;

namespace Twill.Cluster.Tests.Etcd;

[RequiresEtcd]
public sealed class EtcdTlsTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();

    [Fact]
    public async Task A_server_is_verified_against_caFile_alone_by_address_and_by_name()
    {
        using EtcdServer etcd = EtcdServer.Start(new EtcdServerOptions { Tls = true });
        foreach (string endpoint in new[] { etcd.Endpoint, $"https://localhost:{etcd.Port}" })
        {
            using EtcdClient client = new(new EtcdOptions([endpoint], CaFile: etcd.Certificates!.CaFile));
            await client.PutAsync("k", "v"u8.ToArray());
        }
        etcd.Get("k").Should().Be("v");
    }

    [Fact]
    public async Task A_server_of_an_authority_that_is_not_ours_is_refused_with_file_and_reason()
    {
        using EtcdServer etcd = EtcdServer.Start(new EtcdServerOptions { Tls = true });
        TestCertificates other = TestCertificates.Create(_dir.Path);

        EtcdException e = await Failure(new EtcdOptions([etcd.Endpoint], CaFile: other.CaFile));
        EtcdException system = await Failure(new EtcdOptions([etcd.Endpoint]));

        (e.Kind, e.IsTransient, e.Endpoint).Should().Be((EtcdErrorKind.Tls, false, etcd.Endpoint));
        e.Message.Should().Contain(other.CaFile).And.Contain("CN=twill test server");
        (system.Kind, system.IsTransient).Should().Be((EtcdErrorKind.Tls, false));
        system.Message.Should().Contain("not trusted by this system").And.Contain("set caFile");
    }

    [Fact]
    public async Task A_certificate_for_another_host_is_refused_with_both_names()
    {
        TestCertificates files = TestCertificates.Create(_dir.Path); // for 'localhost' only
        using X509Certificate2 certificate = X509Certificate2.CreateFromPemFile(files.ServerCertFile, files.ServerKeyFile);
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task<int> received = ShowTo(listener, certificate);

        EtcdException e = await Failure(new EtcdOptions([$"https://{listener.LocalEndpoint}"], CaFile: files.CaFile));

        e.Kind.Should().Be(EtcdErrorKind.Tls);
        e.Message.Should().Contain("its certificate is for 'localhost', not for '127.0.0.1'");
        (await received).Should().Be(0, "nothing is sent to a server that is not verified");
    }

    [Fact]
    public async Task A_certificate_that_ran_out_is_told_with_its_end_and_what_to_do()
    {
        TestCertificates files = TestCertificates.CreateExpired(_dir.Path, IPAddress.Loopback);
        using X509Certificate2 certificate = X509Certificate2.CreateFromPemFile(files.ServerCertFile, files.ServerKeyFile);
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task<int> received = ShowTo(listener, certificate);

        EtcdException e = await Failure(new EtcdOptions([$"https://{listener.LocalEndpoint}"], CaFile: files.CaFile));

        e.Kind.Should().Be(EtcdErrorKind.Tls);
        e.Message.Should()
            .Contain($"its certificate (CN=twill test server) ran out at {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd}")
            .And.Contain("renew it");
        (await received).Should().Be(0, "nothing is sent to a server that is not verified");
    }

    /// <summary>Shows a certificate to the first who connects; gives how much it then sent.</summary>
    private static async Task<int> ShowTo(TcpListener listener, X509Certificate2 certificate)
    {
        using TcpClient client = await listener.AcceptTcpClientAsync();
        await using SslStream tls = new(client.GetStream());
        try
        {
            await tls.AuthenticateAsServerAsync(certificate);
            return await tls.ReadAsync(new byte[1]);
        }
        catch (Exception broken) when (broken is IOException or AuthenticationException)
        {
            return 0;
        }
    }

    [Fact]
    public async Task A_server_that_wants_a_client_certificate_gets_it_and_says_so_when_it_is_missing()
    {
        using EtcdServer etcd = EtcdServer.Start(new EtcdServerOptions { Tls = true, ClientCertificates = true });
        TestCertificates files = etcd.Certificates!,
            other = TestCertificates.Create(_dir.Path, IPAddress.Loopback);
        EtcdOptions options = new([etcd.Endpoint], CaFile: files.CaFile);

        using (EtcdClient client = new(options with { CertFile = files.ClientCertFile, KeyFile = files.ClientKeyFile }))
        {
            await client.PutAsync("k", "v"u8.ToArray());
        }

        EtcdException without = await Failure(options);
        EtcdException wrong = await Failure(options with { CertFile = other.ClientCertFile, KeyFile = other.ClientKeyFile });

        etcd.Get("k").Should().Be("v");
        without.Kind.Should().Be(EtcdErrorKind.Tls, without.ToString());
        without.Message.Should().Contain("set certFile and keyFile");
        wrong.Kind.Should().Be(EtcdErrorKind.Tls);
        wrong.Message.Should().Contain($"may not trust the client certificate {other.ClientCertFile}");
    }

    [Fact]
    public async Task A_rotated_authority_is_read_again_after_the_failure_it_causes()
    {
        using EtcdServer etcd = EtcdServer.Start(new EtcdServerOptions { Tls = true });
        TestCertificates other = TestCertificates.Create(_dir.Path);
        using EtcdClient client = new(new EtcdOptions([etcd.Endpoint], CaFile: other.CaFile, CallTimeout: TimeSpan.FromSeconds(30)));
        Func<Task> get = () => client.GetAsync("k");
        await get.Should().ThrowAsync<EtcdException>();

        File.Copy(etcd.Certificates!.CaFile, other.CaFile, overwrite: true);

        await get.Should().NotThrowAsync();
    }

    [Fact]
    public async Task When_authority_and_all_certificates_are_replaced_the_next_connection_uses_the_new_files()
    {
        using EtcdServer etcd = EtcdServer.Start(new EtcdServerOptions { Tls = true, ClientCertificates = true });
        TestCertificates files = etcd.Certificates!,
            others = TestCertificates.Create(_dir.Path, IPAddress.Loopback);
        using EtcdClient client = new(
            new EtcdOptions([etcd.Endpoint], files.CaFile, files.ClientCertFile, files.ClientKeyFile, CallTimeout: TimeSpan.FromSeconds(30))
        );
        await client.PutAsync("k", "one"u8.ToArray());

        foreach (string file in Directory.GetFiles(others.Directory))
        {
            File.Copy(file, Path.Combine(files.Directory, Path.GetFileName(file)), overwrite: true);
        }

        etcd.Restart();

        (await client.GetAsync("k"))!.Text.Should().Be("one");
        await client.PutAsync("k", "two"u8.ToArray());
    }

    [Fact]
    public async Task Files_that_are_half_replaced_are_told_and_the_next_call_after_that_works()
    {
        using EtcdServer etcd = EtcdServer.Start(new EtcdServerOptions { Tls = true, ClientCertificates = true });
        TestCertificates files = etcd.Certificates!;
        (string cert, string key) = files.IssueClient("host-1");
        using EtcdClient client = new(new EtcdOptions([etcd.Endpoint], files.CaFile, cert, key));
        Func<Task> get = () => client.GetAsync("k");
        (string newCert, string newKey) = files.IssueClient("host-2");

        File.Copy(newCert, cert, overwrite: true);
        EtcdException e = (await get.Should().ThrowAsync<EtcdException>()).Which;
        File.Copy(newKey, key, overwrite: true);

        e.Kind.Should().Be(EtcdErrorKind.Configuration);
        e.Message.Should().Contain($"keyFile {key}").And.Contain(cert);
        await get.Should().NotThrowAsync();
    }

    [Fact]
    public async Task Speaking_TLS_to_a_plain_port_and_plain_to_a_TLS_port_is_explained()
    {
        using EtcdServer plain = EtcdServer.Start(),
            tls = EtcdServer.Start(new EtcdServerOptions { Tls = true });

        EtcdException tlsToPlain = await Failure(new EtcdOptions([$"https://127.0.0.1:{plain.Port}"]));
        EtcdException plainToTls = await Failure(new EtcdOptions([$"http://127.0.0.1:{tls.Port}"]));

        tlsToPlain.Message.Should().Contain("should it be http://");
        plainToTls.Message.Should().Contain("https://");
    }

    public void Dispose() => _dir.Dispose();

    private static async Task<EtcdException> Failure(EtcdOptions options)
    {
        using EtcdClient client = new(options);
        Func<Task> get = () => client.GetAsync("k");
        return (await get.Should().ThrowAsync<EtcdException>()).Which;
    }
}
