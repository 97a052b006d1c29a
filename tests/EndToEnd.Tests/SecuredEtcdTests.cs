using System.Net;
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
    public void Hosts_and_containers_find_each_other_without_etcds_JSON_gateway()
    {
        using Cluster cluster = Cluster.Start(2, etcd: new() { Arguments = ["--enable-grpc-gateway=false"] });

        cluster.Hosts[0].AddContainer("first").CanPing(cluster.Hosts[1].AddContainer("second").Address).Should().BeTrue();
    }

    [RequiresRootFact]
    public void A_certificate_for_each_host_is_its_user_by_the_commands_of_the_manual()
    {
        using Cluster cluster = Cluster.Start(
            0,
            etcd: new()
            {
                Tls = true,
                ClientCertificates = true,
                RootPassword = Password,
            }
        );
        foreach (string command in Manual.EtcdctlCommands().Where(c => !c.Contains(" user ", StringComparison.Ordinal)))
        {
            cluster.Etcd.Etcdctl(Cmd.Split(command)[1..]);
        }

        foreach (string name in new[] { "host-1", "host-2" })
        {
            foreach (string command in Manual.EtcdctlCommands("host-1"))
            {
                cluster.Etcd.Etcdctl(Cmd.Split(command.Replace("host-1", name, StringComparison.Ordinal))[1..]);
            }

            (string cert, string key) = cluster.Etcd.Certificates!.IssueClient(name);
            cluster.Join(name, conf => Certify(conf, cluster.Etcd.Certificates!.CaFile, cert, key));
        }

        cluster.WaitUntilJoined();
        cluster.Hosts[0].AddContainer("first").CanPing(cluster.Hosts[1].AddContainer("second").Address).Should().BeTrue();

        // Who is shut out is so at once, and alone: a host without a lease has to ask.
        cluster.Etcd.Etcdctl("user", "revoke-role", "host-2", "twill-node");
        LabHost fresh = cluster.NewHost("fresh");
        CniAnswer refused = StatusAs("host-2");
        refused.ExitCode.Should().Be(1, refused.ToString());
        refused.ErrorText.Should().Contain("permission denied");
        StatusAs("host-1").OrThrow();

        CniAnswer StatusAs(string user)
        {
            JsonObject config = SampleConf.Cluster(cluster.Etcd.Endpoint);
            string directory = cluster.Etcd.Certificates!.Directory;
            Certify(
                config,
                cluster.Etcd.Certificates.CaFile,
                Path.Combine(directory, $"{user}.pem"),
                Path.Combine(directory, $"{user}-key.pem")
            );
            config["cniVersion"] = "1.1.0";
            return fresh.Plugin("twill-ipam").Run("STATUS", config.ForPlugin().ToJsonString());
        }
    }

    [RequiresRootFact]
    public void Replaced_certificates_are_used_by_a_running_agent_and_by_plugins()
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { Tls = true, ClientCertificates = true });
        TestCertificates files = cluster.Etcd.Certificates!;
        void Secure(JsonObject conf) => Certify(conf, files.CaFile, files.ClientCertFile, files.ClientKeyFile);
        LabHost running = cluster.Join("running", Secure);
        cluster.WaitUntilJoined();
        int pid = running.Agent!.Pid;
        using TempDir directory = TempDir.Create();
        TestCertificates others = TestCertificates.Create(directory.Path, IPAddress.Parse(Lab.EtcdAddress));

        foreach (string file in Directory.GetFiles(others.Directory))
        {
            File.Copy(file, Path.Combine(files.Directory, Path.GetFileName(file)), overwrite: true);
        }

        cluster.Etcd.Restart(); // its authority for clients is read at the start only
        LabHost fresh = cluster.NewHost("fresh", Secure);
        LabContainer first = fresh.AddContainer("first"); // leased by the IPAM plugin
        fresh.StartAgent();
        cluster.WaitUntilJoined(); // the running agent hears of the other by the new files

        running.Agent.Pid.Should().Be(pid);
        first.CanPing(running.AddContainer("second").Address).Should().BeTrue();
    }

    [RequiresRootFact]
    public void Each_address_of_a_name_in_the_hosts_file_is_tried()
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost host = cluster.NewHost("host", conf => conf.Ipam()["etcd"]!["endpoints"] = new JsonArray("http://etcd.lab:2379"));
        // Nobody has the first address, nobody listens at the second.
        host.Write("/run/hosts", $"127.0.0.1 localhost\n192.168.50.99 etcd.lab\n127.0.0.1 etcd.lab\n{Lab.EtcdAddress} etcd.lab\n");
        host.Run("mount", "--bind", "/run/hosts", "/etc/hosts").OrThrow();

        host.AddContainer("first");
        string? leased = cluster.LeaseOf(host);
        host.StartAgent();

        leased.Should().NotBeNull();
        cluster.WaitUntilJoined();
    }

    private static void Certify(JsonObject conf, string ca, string cert, string key)
    {
        conf.Ipam()["etcd"]!["caFile"] = ca;
        conf.Ipam()["etcd"]!["certFile"] = cert;
        conf.Ipam()["etcd"]!["keyFile"] = key;
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
