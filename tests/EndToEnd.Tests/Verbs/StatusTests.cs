using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Verbs;

/// <summary>STATUS of both plugins, with one thing after the other taken away: 50 when an ADD would fail, 51 when containers may be cut
/// off.</summary>
public sealed class StatusTests
{
    [RequiresRootFact]
    public void On_a_host_of_its_own_what_an_add_would_be_refused_for_is_code_50()
    {
        using SingleHost single = new();
        LabHost host = single.Host;
        Both(host, Conf(single.Conf), null);

        Refused(host, Conf(single.Conf, c => c.Ipam()["subnet"] = "10.244.0.0/33"), 50, "$.ipam.subnet", "10.244.0.0/33");
        Refused(host, Conf(single.Conf, c => c.Plugin()["mtu"] = 9), ["twill"], 50, "$.mtu", "576");
        Refused(host, Conf(single.Conf, c => c.Plugin()["bridge"] = "eth0"), ["twill"], 50, "eth0", "not a bridge");
        Refused(host, Conf(single.Conf, c => c.Ipam()["type"] = "no-such-ipam"), ["twill"], 50, "no-such-ipam", "/opt/cni/bin");
        CniAnswer old = host.Plugin("twill").Run("STATUS", single.Config);
        old.ErrorCode.Should().Be(1, "STATUS exists since 1.1.0");

        JsonObject small = Conf(single.Conf, c => c.Ipam()["subnet"] = "10.8.8.0/30");
        LabContainer container = host.NewContainer("only");
        host.Plugin("twill", container).Add(small.ToJsonString()).OrThrow();
        Refused(host, small, 50, "10.8.8.0/30", "taken");
        host.Plugin("twill", host.NewContainer("late")).Add(small.ToJsonString()).ExitCode.Should().Be(1, "STATUS told the truth");
        container.Remove();
        Eventually.Pass(() => Both(host, small, null)); // the number of the namespace may be another's for a moment
    }

    /// <summary>The kernel tells programs of this personality that it is Linux 2.6.</summary>
    [RequiresRootFact]
    public void A_kernel_that_is_too_old_is_named_by_every_program_and_nothing_is_made()
    {
        const string Why = "this kernel is Linux 2.6, and twill needs 5.10 or newer";
        using SingleHost single = new();
        LabHost host = single.Host;
        string[] old = ["setarch", "--uname-2.6"];
        string conf = Conf(single.Conf).ToJsonString();
        CniProcess Old(CniProcess plugin) => plugin with { Prefix = [.. plugin.Prefix, .. old] };

        CniAnswer status = Old(host.Plugin("twill")).Run("STATUS", conf),
            add = Old(host.Plugin("twill", host.NewContainer("c"))).Add(single.Config);
        CmdResult agent = host.Run([.. old, "/opt/cni/bin/twilld", "--once"]);

        status.ErrorCode.Should().Be(50, status.ToString());
        foreach (string said in (string[])[status.ErrorText, add.ErrorText, agent.Stderr, Says("status"), Says("doctor")])
        {
            said.Should().Contain(Why).And.NotContain("all is well");
        }

        Leftovers.Of(host).Should().BeEmpty();
        host.Nft("list ruleset").Should().BeEmpty();

        string Says(string command) => host.Run([.. old, "/opt/cni/bin/twill", command]).Stdout;
    }

    [RequiresRootFact]
    public void A_bridge_that_is_missing_while_there_are_containers_or_is_down_is_code_51()
    {
        using SingleHost single = new();
        LabHost host = single.Host;
        JsonObject conf = Conf(single.Conf);
        Both(host, conf, null);
        host.HasLink("twill0").Should().BeFalse("STATUS makes nothing, and an ADD will make the bridge");
        LabContainer container = host.NewContainer("c");
        host.Plugin("twill", container).Add(conf.ToJsonString()).OrThrow();
        Both(host, conf, null);

        host.Ip("link set twill0 down");
        Refused(host, conf, ["twill"], 51, "bridge twill0 is down");
        host.Ip("link delete twill0");
        Refused(host, conf, ["twill"], 51, "bridge twill0 is missing");
        host.Plugin("twill", host.NewContainer("next")).Add(conf.ToJsonString()).OrThrow();
        Both(host, conf, null);
    }

    [RequiresRootFact]
    public void The_reference_host_local_is_asked_whether_it_would_take_the_version()
    {
        using SingleHost single = new();
        JsonObject conf = Conf(single.Conf, c =>
            c.Plugin()["ipam"] = new JsonObject { ["type"] = "host-local", ["subnet"] = "10.66.0.0/24" }
        );

        Refused(single.Host, conf, ["twill"], 50, "host-local", "1.1.0", "1.0.0");

        CniAnswer add = single.Host.Plugin("twill", single.Host.NewContainer("c")).Add(conf.ToJsonString());
        add.ErrorCode.Should().Be(1, "STATUS told the truth");
        Leftovers.Links(single.Host).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void An_ipam_plugin_that_speaks_the_version_but_not_status_is_no_trouble_and_its_own_trouble_is_passed_on()
    {
        using SingleHost single = new();
        JsonObject conf = Conf(single.Conf, c => c.Plugin()["ipam"] = new JsonObject { ["type"] = "simple" });
        Install(
            single.Host,
            "simple",
            """
            VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["1.0.0","1.1.0"]}' ;;
            *) echo '{"code":4,"msg":"unknown CNI_COMMAND"}'; exit 1 ;;
            """
        );
        Status(single.Host, "twill", conf).OrThrow();

        Install(single.Host, "simple", """STATUS) echo '{"code":50,"msg":"the pool is dry","details":"buy more"}'; exit 1 ;;""");
        Refused(single.Host, conf, ["twill"], 50, "the pool is dry", "buy more");
    }

    [RequiresRootFact]
    public void Without_etcd_a_first_subnet_cannot_be_had_and_a_held_one_is_enough()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Hosts[0],
            fresh = cluster.NewHost("fresh");
        JsonObject conf = Conf(SampleConf.Cluster(cluster.Etcd.Endpoint));
        Status(fresh, "twill-ipam", conf).OrThrow();
        Eventually.Pass(() => Both(host, conf, null));

        cluster.Etcd.Kill();
        Both(host, conf, null);
        Refused(fresh, conf, 50, "leased no subnet", Lab.EtcdAddress);

        // The fence: what a host holds is nobody's to give out once its lease may have run out.
        host.Agent!.Kill();
        Edit(host, "subnet.json", file => file["deadline"] = 1.0);
        Refused(host, conf, 50, "ran out", Lab.EtcdAddress);
        LabContainer late = host.NewContainer("late");
        host.Plugin("twill", late).Add(conf.ToJsonString()).ErrorCode.Should().Be(11, "STATUS told the truth");
    }

    [RequiresRootFact]
    public void A_subnet_that_another_host_took_is_no_subnet_to_give_from()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Hosts[0];
        JsonObject conf = Conf(SampleConf.Cluster(cluster.Etcd.Endpoint));
        Eventually.Pass(() => Both(host, conf, null));
        string subnet = cluster.LeaseOf(host)!;
        host.Agent!.Kill();
        cluster.Etcd.Kill();

        Edit(host, "subnet.json", file => file["lost"] = new JsonArray(subnet));

        Refused(host, conf, 50, "no subnet that this host may use", Lab.EtcdAddress);
    }

    [RequiresRootFact]
    public void Without_a_living_agent_or_its_device_containers_may_be_cut_off()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Hosts[0];
        JsonObject conf = Conf(SampleConf.Cluster(cluster.Etcd.Endpoint));
        Eventually.Pass(() => Both(host, conf, null));

        host.Agent!.Send(Signal.Stop);
        host.Ip("link set twill.1 down");
        Refused(host, conf, ["twill"], 51, "overlay device twill.1 is down");
        host.Ip("link delete twill.1");
        Refused(host, conf, ["twill"], 51, "overlay device twill.1 is missing");
        Edit(host, "agent.json", file => file["bootTime"] = 0);
        Refused(host, conf, ["twill"], 51, "has not reported for", "twilld");
        host.Agent!.Send(Signal.Cont);
        Eventually.Pass(() => Both(host, conf, null));

        host.Agent!.Send(Signal.Stop); // or it would write the truth again
        Edit(host, "agent.json", file => file["pid"] = 4_000_000);
        Status(host, "twill", conf).OrThrow(); // an agent in a container knows itself by another number
        Edit(host, "agent.json", file =>
            (file["peersWanted"], file["peersProgrammed"], file["lastError"]) = (3, 1, "kernel: no buffer space")
        );
        Refused(host, conf, ["twill"], 51, "1 of 3 remote subnets", "no buffer space");
        host.Agent!.Kill();
        Refused(host, conf, ["twill"], 51, "is not running any more", "systemctl start twilld");
        File.Delete(host.At("/run/twill/twill/agent.json"));
        Refused(host, conf, ["twill"], 51, "no agent (twilld) has run");
        Status(host, "twill-ipam", conf).OrThrow();
        host.Plugin("twill", host.NewContainer("c")).Add(conf.ToJsonString()).OrThrow();
    }

    [RequiresRootFact]
    public void When_all_subnets_of_the_network_are_leased_and_this_hosts_is_full_nothing_can_be_had()
    {
        static void Small(JsonObject conf) => (conf.Ipam()["network"], conf.Ipam()["subnetLen"]) = ("10.244.0.0/28", 30);
        using Cluster cluster = Cluster.Start(1, Small);
        LabHost host = cluster.Hosts[0];
        JsonObject conf = Conf(SampleConf.Cluster(cluster.Etcd.Endpoint), Small);
        Eventually.Pass(() => Both(host, conf, null));

        int added = 0;
        while (Status(host, "twill", conf).ExitCode == 0)
        {
            host.Plugin("twill", host.NewContainer($"c{added++}")).Add(conf.ToJsonString()).OrThrow();
        }

        added.Should().Be(3, "a /30 has room for one container, and the first subnet of the network is not leased");
        Refused(host, conf, 50, "all 3 subnets of 10.244.0.0/28", "taken by containers that still run");
        host.Plugin("twill", host.NewContainer("late")).Add(conf.ToJsonString()).ErrorCode.Should().Be(11, "STATUS told the truth");
    }

    /// <summary>What both plugins answer to: nothing, or an error.</summary>
    private static void Both(LabHost host, JsonObject conf, int? code)
    {
        foreach (string program in new[] { "twill", "twill-ipam" })
        {
            CniAnswer answer = Status(host, program, conf);
            (answer.ExitCode == 0 ? null : (int?)answer.ErrorCode).Should().Be(code, $"of {program}: {answer}");
        }
    }

    private static void Refused(LabHost host, JsonObject conf, int code, params string[] told) =>
        Refused(host, conf, ["twill", "twill-ipam"], code, told);

    private static void Refused(LabHost host, JsonObject conf, string[] programs, int code, params string[] told)
    {
        foreach (string program in programs)
        {
            CniAnswer answer = Status(host, program, conf);
            answer.ExitCode.Should().Be(1, answer.ToString());
            answer.ErrorCode.Should().Be(code, answer.ToString());
            answer.ErrorText.Should().ContainAll(told);
        }
    }

    /// <summary>As libcni asks: the variables of an attachment are there, and empty.</summary>
    private static CniAnswer Status(LabHost host, string program, JsonObject conf) =>
        host.Plugin(program).Run("STATUS", conf.ToJsonString());

    private static JsonObject Conf(JsonObject conflist, Action<JsonObject>? change = null)
    {
        JsonObject changed = conflist.DeepClone().AsObject();
        changed["cniVersion"] = "1.1.0";
        change?.Invoke(changed);
        return changed.ForPlugin();
    }

    private static void Edit(LabHost host, string file, Action<JsonObject> change)
    {
        string path = host.At($"/run/twill/twill/{file}");
        JsonObject content = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(content);
        File.WriteAllText(path, content.ToJsonString());
    }

    private static void Install(LabHost host, string name, string cases)
    {
        host.Write($"/opt/cni/bin/{name}", $"#!/bin/sh\ncat >/dev/null\ncase $CNI_COMMAND in\n{cases}\nesac\n");
        host.Sh($"chmod 755 /opt/cni/bin/{name}");
    }
}
