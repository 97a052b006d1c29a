using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Upgrade;

/// <summary>
/// From the version before to this one and back, one host after the other, under running containers. Files on disk, keys in etcd and
/// entries of the kernel are read by both versions: whoever changes one of them finds it here.
/// </summary>
[Trait("Programs", "further")]
public sealed class UpgradeTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [UpgradeFact]
    public void Hosts_go_to_this_version_and_back_and_no_ping_between_their_containers_is_lost()
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost a = Join(cluster, "a", FormerVersion.Bin),
            b = Join(cluster, "b", FormerVersion.Bin);
        cluster.WaitUntilJoined();
        LabContainer from = a.AddContainer("from"),
            to = b.AddContainer("to"),
            leaver = a.AddContainer("leaver");
        Remembered before = Remembered.Of(cluster, from);
        using Traffic there = Traffic.Start(from, to.Address),
            back = Traffic.Start(to, from.Address);

        // What the former version loses on a restart of its own is what an upgrade may lose. It loses nothing.
        Replace(a, FormerVersion.Bin, there);
        int allowed = there.Lost().Count;

        Replace(a, RepoPaths.Bin, there);
        Remembered.Of(cluster, from).Should().Be(before);
        Delete(a, leaver);
        LabContainer added = a.AddContainer("added");
        Check(a, from);
        Check(b, to);
        Reach(from, to, added);

        Replace(b, RepoPaths.Bin, there);
        Remembered.Of(cluster, from).Should().Be(before);
        Check(b, to);
        Reach(from, to, added);
        Complaints(a)
            .Should()
            .OnlyContain(static check => check == "anti-spoofing warning", "containers of the former version are without that protection");

        Replace(a, FormerVersion.Bin, there);
        Remembered.Of(cluster, from).Should().Be(before);
        Check(a, from);
        Check(a, added);
        Delete(a, added);

        Replace(b, FormerVersion.Bin, there);
        Remembered.Of(cluster, from).Should().Be(before);
        Check(b, to);
        Reach(from, to);

        Figures.Report(
            "upgrade of both hosts and back",
            $"{there.Lost().Count} and {back.Lost().Count} pings lost, one way and the other; {allowed} at a restart of the former agent"
        );
        there.Lost().Should().HaveCountLessThanOrEqualTo(allowed);
        back.Lost().Should().HaveCountLessThanOrEqualTo(allowed);
        Delete(a, from);
        Delete(b, to);
        Leftovers.Of(a).Should().BeEmpty();
        Leftovers.Of(b).Should().BeEmpty();
    }

    [UpgradeFact]
    public void Containers_of_the_former_version_are_deleted_without_a_rest_and_their_published_ports_with_them()
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost host = Join(cluster, "host", FormerVersion.Bin);
        cluster.WaitUntilJoined();
        LabContainer server = host.NewContainer("server");
        JsonObject conf = SampleConf.Cluster(cluster.Etcd.Endpoint).ForPlugin();
        conf["runtimeConfig"] = new JsonObject
        {
            ["portMappings"] = new JsonArray(
                new JsonObject
                {
                    ["hostPort"] = 8080,
                    ["containerPort"] = 80,
                    ["protocol"] = "tcp",
                }
            ),
        };
        CniAnswer added = host.Plugin("twill", server).Add(conf.ToJsonString()).OrThrow();
        string address = added.Json.GetProperty("ips")[0].GetProperty("address").GetString()!.Split('/')[0];
        Ports(host).Should().Contain("8080").And.Contain(address);

        Replace(host, RepoPaths.Bin);
        Ports(host).Should().Contain("8080", "a published port stays");
        conf["prevResult"] = JsonNode.Parse(added.Stdout);
        host.Plugin("twill", server).Check(conf.ToJsonString()).OrThrow();
        host.Plugin("twill", server).Del(conf.ToJsonString()).OrThrow();

        Ports(host).Should().NotContain("8080");
        Leftovers.Of(host).Should().BeEmpty();
    }

    private static LabHost Join(Cluster cluster, string name, string programs)
    {
        LabHost host = cluster.NewHost(name);
        host.UsePrograms(programs);
        host.StartAgent();
        return host;
    }

    // As an administrator does: the new files, then the agent anew.
    private static void Replace(LabHost host, string programs, Traffic? traffic = null)
    {
        host.UsePrograms(programs);
        host.Agent!.Stop().Should().Be(0);
        traffic?.WaitForMore(25);
        Daemon agent = host.StartAgent();
        Eventually.True(
            $"the new agent of {host.Name} says that all is well",
            () => StatusOf(host) is (0, { } status) && (int?)status["networks"]![0]!["agent"]!["pid"] == agent.Pid,
            s_patience,
            () => host.Run("/opt/cni/bin/twill", "status").Stdout + agent.Log
        );
        traffic?.WaitForMore(25);
    }

    private static (int ExitCode, JsonNode? Status) StatusOf(LabHost host)
    {
        CmdResult status = host.Run("/opt/cni/bin/twill", "status", "--json");
        return (status.ExitCode, status.ExitCode == 2 ? null : JsonNode.Parse(status.Stdout));
    }

    /// <summary>What doctor finds amiss: each check and its outcome.</summary>
    private static IEnumerable<string> Complaints(LabHost host) =>
        JsonNode.Parse(host.Run("/opt/cni/bin/twill", "doctor", "--json").Stdout)!["checks"]!
            .AsArray()
            .Where(static check => (string?)check!["outcome"] != "ok")
            .Select(static check => $"{check!["check"]} {check["outcome"]}");

    private static void Check(LabHost host, LabContainer container) => host.Cnitool("check", "twill", container).OrThrow();

    private static void Delete(LabHost host, LabContainer container)
    {
        host.Cnitool("del", "twill", container).OrThrow();
        Leftovers.Records(host).Should().NotContain(container.Address);
        container.IpJson("link show").EnumerateArray().Should().ContainSingle("lo is left");
    }

    private static void Reach(params LabContainer[] containers)
    {
        foreach (LabContainer from in containers)
        {
            foreach (LabContainer to in containers.Where(to => to != from))
            {
                from.Run("ping", "-n", "-c", "1", "-W", "5", to.Address).OrThrow();
            }
        }
    }

    private static string Ports(LabHost host) => host.Run("nft", "list", "table", "inet", "twill-twill").OrThrow().Stdout;

    /// <summary>What an upgrade leaves as it is.</summary>
    private sealed record Remembered(string Etcd, string Address, string Links)
    {
        internal static Remembered Of(Cluster cluster, LabContainer container) =>
            new(
                string.Join('\n', KeysOf(cluster)),
                container.Ip("-4 -o addr show dev eth0"),
                string.Join('\n', cluster.Hosts.Select(LinksOf))
            );

        // Each key with its value, its etcd lease, and when it was made: one that was deleted and made anew is another one.
        private static IEnumerable<string> KeysOf(Cluster cluster) =>
            JsonNode.Parse(cluster.Etcd.Etcdctl("get", "--prefix", Cluster.Subnets, "--write-out=json"))!["kvs"]!
                .AsArray()
                .Select(entry => $"{entry!["key"]} {entry["value"]} {entry["lease"]} {entry["create_revision"]}");

        private static string LinksOf(LabHost host) =>
            string.Join(
                ' ',
                host.IpJson("link show")
                    .EnumerateArray()
                    .Where(link => link.GetProperty("ifname").GetString() is "twill0" or "twill.1")
                    .Select(link => $"{link.GetProperty("ifname")} {link.GetProperty("ifindex")} {link.GetProperty("address")}")
            );
    }
}
