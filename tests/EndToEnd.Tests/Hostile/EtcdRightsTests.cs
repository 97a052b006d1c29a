using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Hostile;

/// <summary>The rights in etcd that conf/README.md recommends, given by its own commands: enough for all programs, and nothing
/// more.</summary>
public sealed class EtcdRightsTests
{
    private const string User = "twill-node",
        Password = "correct horse battery",
        PasswordFile = "/etc/cni/etcd-password";

    [RequiresRootFact]
    public void With_the_rights_of_the_manual_hosts_join_grow_and_come_back_and_the_user_can_do_nothing_else()
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { RootPassword = "root's own" });
        GiveRights(cluster.Etcd);
        cluster.Etcd.Put("/twill/other/config", "another network's");
        cluster.Etcd.Put("/registry/secrets/x", "somebody else's");

        LabHost a = NewHost(cluster, "a"),
            b = NewHost(cluster, "b");
        LabContainer first = a.AddContainer("first"); // leased by the IPAM plugin: no agent yet
        a.StartAgent();
        b.StartAgent();
        cluster.WaitUntilJoined();
        LabContainer second = b.AddContainer("second");
        first.CanPing(second.Address).Should().BeTrue();
        a.Plugin("twill-ipam").Run("STATUS", Config(cluster, "1.1.0").ToJsonString()).OrThrow();

        string lease = cluster.LeaseOf(b)!;
        b.Agent!.Stop();
        b.StartAgent(); // renews and watches anew
        Eventually.True("the agent is back", () => b.Agent.Log.Contains(lease, StringComparison.Ordinal), onFailure: () => b.Agent.Log);
        cluster.LeaseOf(b).Should().Be(lease);
        b.Cnitool("del", "twill", second).OrThrow();

        MayOnly(cluster.Etcd);
        foreach (LabHost host in cluster.Hosts)
        {
            host.Agent!.Log.Should().NotContain("permission denied").And.NotContain(Password);
        }
    }

    [RequiresRootFact]
    public void Without_a_right_the_error_names_user_key_and_remedy_and_no_password()
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { RootPassword = "root's own" });
        GiveRights(cluster.Etcd);
        cluster.Etcd.Etcdctl("role", "revoke-permission", User, "--prefix=true", "/twill/twill/subnets/");
        LabHost host = NewHost(cluster, "host");
        CniAnswer answer = host.Plugin("twill", host.NewContainer("c")).Add(Config(cluster).ToJsonString());

        HostileBench.Judge(answer, "no right").Should().Be(101, answer.ToString());
        answer.ErrorText.Should().Contain("permission denied").And.Contain("readwrite").And.NotContain(Password);
        Leftovers.Of(host).Should().BeEmpty();
    }

    /// <summary>Runs the commands of conf/README.md as they stand there; only the password is put where a person would type it.</summary>
    private static void GiveRights(EtcdServer etcd)
    {
        string[] commands = Manual.EtcdctlCommands();
        commands.Should().HaveCountGreaterThan(5, "the manual's section has the commands");
        foreach (string command in commands)
        {
            string[] words = Cmd.Split(command);
            etcd.Etcdctl(
                command.StartsWith("etcdctl user add ", StringComparison.Ordinal) ? ["user", "add", $"{words[3]}:{Password}"] : words[1..]
            );
        }
    }

    private static void MayOnly(EtcdServer etcd)
    {
        string[][] allowed =
        [
            ["get", "/twill/twill/config"],
            ["get", "--prefix", "/twill/twill/subnets/"],
            ["get", "--prefix", "/twill/twill/twill/nodes/"],
        ];
        foreach (string[] command in allowed)
        {
            As(etcd, command);
        }

        string[][] denied =
        [
            ["get", "/twill/other/config"],
            ["get", "/registry/secrets/x"],
            ["get", "--prefix", "/"],
            ["get", "--prefix", "/twill/twill/"],
            ["get", "--prefix", "/twill/twill/subnets"],
            ["get", "--from-key", "/twill/twill/subnets/"],
            ["put", "/twill/twill/config", "{}"],
            ["del", "/twill/twill/config"],
            ["put", "/twill/twill/subnets", "x"],
            ["put", "/twill/twill/twill/other", "x"],
            ["put", "/twill/other/subnets/10.1.0.0-24", "x"],
            ["del", "--prefix", "/twill/"],
            ["put", "/elsewhere", "x"],
            ["user", "list"],
            ["user", "passwd", "--interactive=false", "root"],
            ["role", "grant-permission", User, "readwrite", "/"],
            ["auth", "disable"],
        ];
        foreach (string[] command in denied)
        {
            FluentActions
                .Invoking(() => As(etcd, command))
                .Should()
                .Throw<CmdException>(string.Join(' ', command))
                .WithMessage("*permission denied*");
        }
    }

    private static void As(EtcdServer etcd, string[] command) => etcd.Etcdctl(["--user", $"{User}:{Password}", .. command]);

    private static JsonObject Config(Cluster cluster, string? version = null)
    {
        JsonObject conf = SampleConf.Cluster(cluster.Etcd.Endpoint);
        Secure(conf);
        conf["cniVersion"] = version ?? (string?)conf["cniVersion"];
        return conf.ForPlugin();
    }

    private static void Secure(JsonObject conf)
    {
        conf.Ipam()["etcd"]!["username"] = User;
        conf.Ipam()["etcd"]!["passwordFile"] = PasswordFile;
    }

    private static LabHost NewHost(Cluster cluster, string name)
    {
        LabHost host = cluster.NewHost(name, Secure);
        host.Write(PasswordFile, $"{Password}\n");
        return host;
    }
}
