using Twill.Testing;

namespace Twill.EndToEnd.Tests.Tools;

public sealed class EtcdServerTests
{
    [RequiresRootFact]
    public void Data_and_port_survive_a_stop_and_a_kill()
    {
        using EtcdServer etcd = EtcdServer.Start();
        string endpoint = etcd.Endpoint;
        etcd.Put("/a", "1");
        etcd.Restart();
        etcd.Put("/b", "2");
        etcd.Kill();
        etcd.IsRunning.Should().BeFalse();
        etcd.Start();

        etcd.Endpoint.Should().Be(endpoint);
        etcd.List("/").Should().Equal(new Dictionary<string, string> { ["/a"] = "1", ["/b"] = "2" });
        etcd.Get("/c").Should().BeNull();
    }

    [RequiresRootFact]
    public void A_paused_server_answers_after_it_is_resumed()
    {
        using EtcdServer etcd = EtcdServer.Start();
        etcd.Pause();
        Action put = () => etcd.Etcdctl("--command-timeout=300ms", "put", "/a", "1");
        put.Should().Throw<CmdException>();
        etcd.Resume();
        Eventually.Pass(() => etcd.Put("/a", "2"));
        etcd.Get("/a").Should().Be("2");
    }

    [RequiresRootFact]
    public void A_server_with_TLS_and_client_certificates_serves_its_own_clients_only()
    {
        using EtcdServer etcd = EtcdServer.Start(new() { Tls = true, ClientCertificates = true });
        etcd.Put("/a", "1");
        etcd.Get("/a").Should().Be("1");
        CmdResult stranger = Cmd.Run("curl", ["-sS", "--cacert", etcd.Certificates!.CaFile, $"{etcd.Endpoint}/health"]);
        stranger.ExitCode.Should().NotBe(0, "a client without a certificate is refused");
    }

    [RequiresRootFact]
    public void A_server_with_authentication_refuses_strangers()
    {
        using EtcdServer etcd = EtcdServer.Start(new() { RootPassword = "secret", TokenTtl = 5 });
        etcd.Put("/a", "1");
        CmdResult stranger = Cmd.Run("etcdctl", ["--endpoints", etcd.Endpoint, "get", "/a"], env: [new("ETCDCTL_API", "3")]);
        stranger.Stderr.Should().Contain("user name is empty");
    }
}
