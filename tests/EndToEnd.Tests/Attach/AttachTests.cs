using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Attach;

/// <summary>`twill attach` and `detach` without a runtime: pids and paths, whole chains, bad input, and what is killed.</summary>
public sealed class AttachTests(SingleHost single) : IClassFixture<SingleHost>
{
    private const string Records = "/run/twill/twill/attached";

    private LabHost Host => single.Host;

    [RequiresRootFact]
    public void A_path_and_a_pid_join_by_all_plugins_of_the_list_and_leave_again()
    {
        JsonObject conf = Chain("""{"type":"tuning","sysctl":{"net.core.somaxconn":"500"}}""");
        conf.Plugin()["names"] = new JsonObject();
        Host.Configure(conf);
        IReadOnlyList<string> before = Leftovers.Of(Host);
        LabContainer a = Host.NewContainer("byPath"),
            b = Host.NewContainer("byPid");
        b.Ip("link add eth0 type veth peer name peer");
        using TempDir directory = TempDir.Create();
        using Daemon holder = Daemon.Start("a process of the container", [.. b.Enter, "sleep", "600"], directory.At("log"));
        string pid = $"{holder.Pid}";
        Eventually.True("it is there", () => Host.Sh($"readlink /proc/{pid}/ns/net") == b.Sh("readlink /proc/self/ns/net"));

        (int code, JsonElement first) = Host.TwillJson($"attach twill {a.NetnsPath} --name web --ip 10.244.0.77");
        code.Should().Be(0);
        Text(first, "interface").Should().Be("eth0");
        first.GetProperty("addresses")[0].GetString().Should().Be("10.244.0.77/24");
        a.Ip("-4 address show dev eth0").Should().Contain("inet 10.244.0.77/24 ");
        a.Sh("cat /proc/sys/net/core/somaxconn").Trim().Should().Be("500", "tuning is run behind twill");
        Host.Sh("cat /run/twill/twill/names/*").Should().Contain("name: web\n");

        (code, JsonElement second) = Host.TwillJson($"attach twill {pid}");
        code.Should().Be(0);
        Text(second, "interface").Should().Be("eth1", "the container has an eth0");
        string address = second.GetProperty("addresses")[0].GetString()!.Split('/')[0];
        b.IpJson("-4 address show dev eth1")[0].GetProperty("addr_info")[0].GetProperty("local").GetString().Should().Be(address);
        a.CanPing(address).Should().BeTrue();
        b.CanPing("10.244.0.77").Should().BeTrue();
        Host.Complaints().Where(complaint => complaint.Check is not ("agent" or "names")).Should().BeEmpty();

        // A GC of a runtime, which knows neither of both.
        JsonObject gc = conf.ForPlugin();
        gc["cniVersion"] = "1.1.0";
        gc["cni.dev/valid-attachments"] = new JsonArray();
        Host.Plugin("twill").Run("GC", gc.ToJsonString()).OrThrow();
        a.CanPing(address).Should().BeTrue();

        // The same container by another way, and what CHECK says of it.
        string path = $"/proc/{pid}/ns/net";
        CmdResult again = Host.Twill($"attach twill {path}");
        again.ExitCode.Should().Be(1);
        again.Stderr.Should().Contain($"pid {pid} is in network twill already: eth1, {address}/24");
        again.Stderr.Should().Contain("finds all as it should be");
        b.Ip("address flush dev eth1");
        Host.Twill($"attach twill {pid}").Stderr.Should().Contain("CHECK of its plugins says: ").And.Contain(address);

        Host.Twill($"detach twill {path}").OrThrow().Stdout.Should().Be($"pid {pid} is out of network twill\n");
        b.HasLink("eth1").Should().BeFalse();
        Host.Twill($"detach twill {pid}").ExitCode.Should().Be(1);
        a.Remove(); // and nobody says so
        Host.Twill($"detach twill {a.NetnsPath}").OrThrow().Stdout.Should().EndWith("out of network twill, as it is gone\n");

        Leftovers.Of(Host).Should().BeEquivalentTo(before);
        Host.Sh($"ls {Records} /run/twill/twill/names").Should().NotContain("eth");
    }

    [RequiresRootFact]
    public void A_plugin_of_the_list_that_fails_leaves_nothing_behind()
    {
        Host.Configure(Chain("""{"type":"tuning","sysctl":{"net.core.no-such-thing":"1"}}"""));
        IReadOnlyList<string> before = Leftovers.Of(Host);
        LabContainer container = Host.NewContainer("fails");

        CmdResult refused = Host.Twill($"attach twill {container.NetnsPath}");

        refused.ExitCode.Should().Be(1);
        refused.Stderr.Should().Contain("no-such-thing");
        container.HasLink("eth0").Should().BeFalse();
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
        Host.Sh($"ls {Records}").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void An_attach_that_was_killed_is_settled_by_the_next_one_and_by_the_agent()
    {
        const string Dir = "/run/plugins",
            Halt = $"{Dir}/halt";
        Host.Write(Halt, $"#!/bin/sh\ncat >/dev/null\n[ $CNI_COMMAND != ADD ] || {{ echo $$ >{Dir}/pid; exec sleep 20; }}\n");
        Host.Sh($"chmod +x {Halt}");
        Host.Configure(Chain("""{"type":"halt"}"""));
        IReadOnlyList<string> before = Leftovers.Of(Host);
        LabContainer container = Host.NewContainer("halted"),
            other = Host.NewContainer("other");
        void KillHalfWay()
        {
            string attach = $"CNI_PATH={Dir} /opt/cni/bin/twill attach twill {container.NetnsPath}";
            Host.Sh($"rm -f {Dir}/pid; {attach} >/dev/null 2>&1 & pid=$!; while ! [ -s {Dir}/pid ]; do sleep 0.02; done; kill -9 $pid");
            Host.Sh($"kill -9 $(cat {Dir}/pid)");
            container.HasLink("eth0").Should().BeTrue("twill has done its part");
        }

        KillHalfWay();
        Host.Configure(Chain());
        Host.Twill($"attach twill {other.NetnsPath}").OrThrow();
        container.HasLink("eth0").Should().BeFalse("the next attach takes it away, whatever it is of");
        Host.Twill($"detach twill {other.NetnsPath}").OrThrow();
        Leftovers.Of(Host).Should().BeEquivalentTo(before);

        Host.Configure(Chain("""{"type":"halt"}"""));
        KillHalfWay();
        using (Daemon agent = Host.StartAgent())
        {
            Eventually.True("the agent takes it away", () => !container.HasLink("eth0"), onFailure: () => agent.Log);
            Eventually.True("its record goes", () => Host.Sh($"ls {Records}").Length == 0, onFailure: () => agent.Log);
            Host.Configure(Chain());
            Host.Twill($"attach twill {container.NetnsPath}").OrThrow();
            container.Remove();
            Eventually.True("what died is detached", () => Host.Sh($"ls {Records}").Length == 0, onFailure: () => agent.Log);
        }

        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void Bad_input_is_told_and_changes_nothing()
    {
        Host.Configure(Chain());
        IReadOnlyList<string> before = Leftovers.Of(Host);
        LabContainer container = Host.NewContainer("bad");
        string own = Host.Sh("echo $$").Trim();
        foreach (
            (string args, int code, string told) in new[]
            {
                ("attach twill", 2, "expected a network and a container"),
                ("attach twill a b", 2, "got 'b' as well"),
                ("attach twill a --bad", 2, "unknown option '--bad'"),
                ("attach none /run/netns/bad", 2, "no network 'none' in /etc/cni/net.d: expected one of twill"),
                ("attach twill nobody", 2, "no container 'nobody' on this host; asked were docker (there is no /run/docker.sock); "),
                ("attach twill bad:x", 2, "expected one of docker, podman, containerd, pid before ':'"),
                ("attach twill pid:999999999", 2, "no process 999999999"),
                ("attach twill a/b", 2, "an absolute path"),
                ("attach twill /run/netns/none", 2, "leads to no network namespace"),
                ("attach twill /etc/hostname", 2, "leads to no network namespace"),
                ("attach twill /run/netns/bad --name -x", 2, "--name: expected 1 to 63 letters"),
                ("attach twill /run/netns/bad --name web", 2, "network twill has no names"),
                ("attach twill /run/netns/bad --ip 10.244.0.0/24", 2, "--ip: expected an IPv4 or IPv6 address"),
                ("attach twill /run/netns/bad --ip 192.0.2.1", 1, "192.0.2.1"),
                ("attach twill /proc/self/ns/net", 1, "has no network of its own"),
                ("detach twill /run/netns/bad", 1, "was not put into network twill by twill attach"),
                ("detach none /run/netns/bad", 2, "no network 'none'"),
                ("detach twill nobody", 2, "no container 'nobody'"),
                ("detach ../x a", 2, "no network's name"),
            }
        )
        {
            CmdResult refused = Host.Twill(args);
            refused.Stderr.Should().Contain(told, args);
            refused.ExitCode.Should().Be(code, args);
            refused.Stdout.Should().BeEmpty();
        }

        LabContainer member = Host.AddContainer("member");
        CmdResult by = Host.Twill($"attach twill {member.NetnsPath}");
        by.ExitCode.Should().Be(1);
        by.Stderr.Should().Contain($"already, by its runtime: eth0, {member.Address}");
        Host.Cnitool("del", "twill", member).OrThrow();
        container.HasLink("eth0").Should().BeFalse();
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    private static string Text(JsonElement element, string key) => element.GetProperty(key).GetString()!;

    /// <summary>twill, and these behind it.</summary>
    private static JsonObject Chain(params string[] behind)
    {
        JsonObject conf = SampleConf.Single();
        foreach (string plugin in behind)
        {
            conf["plugins"]!.AsArray().Add(JsonNode.Parse(plugin));
        }

        return conf;
    }
}
