using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>The published programs with an etcd that wants certificates or a password.</summary>
public sealed class SecuredEtcdTests
{
    private const string Password = "correct horse";

    [RequiresRootTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Hosts_and_containers_find_each_other_over_TLS(bool clientCertificates)
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { Tls = true, ClientCertificates = clientCertificates });
        TestCertificates files = cluster.Etcd.Certificates!;
        void Secure(JsonObject conf)
        {
            conf.Ipam()["etcd"]!["caFile"] = files.CaFile;
            if (clientCertificates)
            {
                conf.Ipam()["etcd"]!["certFile"] = files.ClientCertFile;
                conf.Ipam()["etcd"]!["keyFile"] = files.ClientKeyFile;
            }
        }

        LabHost without = cluster.NewHost("without-agent", Secure),
            with = cluster.Join("with-agent", Secure);
        LabContainer first = without.AddContainer("first");
        Eventually.True("the agent leases a subnet", () => cluster.LeaseOf(with) is not null, onFailure: () => with.Agent!.Log);
        without.StartAgent();
        cluster.WaitUntilJoined();
        first.CanPing(with.AddContainer("second").Address).Should().BeTrue();
    }

    [RequiresRootFact]
    public void Hosts_and_containers_find_each_other_with_a_password_that_outlives_its_token()
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { RootPassword = Password, TokenTtl = 2 });
        LabHost a = NewHost(cluster, "a", Password),
            b = NewHost(cluster, "b", Password);
        a.StartAgent();
        b.StartAgent();
        cluster.WaitUntilJoined();
        a.AddContainer("first").CanPing(b.AddContainer("second").Address).Should().BeTrue();

        Thread.Sleep(TimeSpan.FromSeconds(4)); // the tokens of all that connected so far have expired
        NewHost(cluster, "c", Password).StartAgent();
        cluster.WaitUntilJoined();
    }

    [RequiresRootFact]
    public void A_wrong_password_is_told_and_leaves_nothing()
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { RootPassword = Password });
        LabHost host = NewHost(cluster, "host", "wrong");
        CmdResult result = host.Cnitool("add", "twill", host.NewContainer("c"));
        result.ExitCode.Should().NotBe(0);
        result.Stderr.Should().Contain("password").And.Contain("root").And.NotContain("wrong");
        Leftovers.Of(host).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_server_that_no_trusted_authority_vouches_for_is_refused()
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { Tls = true });
        using TempDir directory = TempDir.Create();
        string stranger = TestCertificates.Create(directory.Path).CaFile;
        LabHost host = cluster.NewHost("host", conf => conf.Ipam()["etcd"]!["caFile"] = stranger);
        CmdResult result = host.Cnitool("add", "twill", host.NewContainer("c"));
        result.ExitCode.Should().NotBe(0);
        result.Stderr.Should().Contain("certificate").And.Contain(Lab.EtcdAddress);
        Leftovers.Of(host).Should().BeEmpty();
        cluster.Etcd.List("/twill").Should().BeEmpty();
    }

    /// <summary>A host whose configuration names a file with that password.</summary>
    private static LabHost NewHost(Cluster cluster, string name, string password)
    {
        const string File = "/etc/cni/etcd-password";
        LabHost host = cluster.NewHost(name, conf =>
        {
            conf.Ipam()["etcd"]!["username"] = "root";
            conf.Ipam()["etcd"]!["passwordFile"] = File;
        });
        host.Write(File, $"{password}\n");
        return host;
    }
}
