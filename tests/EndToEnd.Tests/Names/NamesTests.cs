using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Names;

/// <summary>Containers are found by name, from containers of all hosts and from the hosts.</summary>
public sealed class NamesTests
{
    private const string Keys = "/twill/twill/twill/names/",
        Published = """{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}""";

    private static readonly string s_resolver = Path.Combine(RepoPaths.Root, "tests", "EndToEnd.Tests", "Names", "resolver.py");

    [RequiresRootFact]
    public void Names_lead_to_the_containers_of_all_hosts_as_long_as_these_live_also_while_etcd_is_down()
    {
        using Cluster cluster = Cluster.Start(2, conf => conf.Plugin()["names"] = new JsonObject());
        using TempDir directory = TempDir.Create();
        using Daemon resolver = Daemon.Start(
            "resolver",
            [.. cluster.Lab.Outside.Enter, "python3", s_resolver, Lab.OutsideAddress],
            directory.At("log")
        );
        LabHost host = cluster.Hosts[0],
            other = cluster.Hosts[1];
        foreach (LabHost one in cluster.Hosts)
        {
            one.Write("/etc/resolv.conf", $"nameserver {Lab.OutsideAddress}\n");
        }

        LabContainer client = Add(host, "client", """{"names":["client"]}"""),
            near = Add(host, "near", """{"names":["web"]}""", Published),
            far = Add(other, "far", """{"names":["web","db"]}""");
        JsonNode dns = JsonNode.Parse(client.Result)!["dns"]!;
        string server = (string)dns["nameservers"]![0]!;
        dns["search"]!.ToJsonString().Should().Be("""["twill.twill.internal","twill.internal"]""");

        // Of all hosts, by short and whole names, several in turn, over UDP and TCP.
        string[] both = [.. new[] { near.Address, far.Address }.Order()];
        Eventually.Pass(() => client.Short(server, "web").Should().Equal(both));
        Eventually.Pass(() => far.Short(ServerOf(far), "web.twill.twill.internal", "+tcp").Should().Equal(both));
        client.Short(server, "db.twill").Should().Equal(far.Address);
        client.Short(server, "-x", far.Address).Should().Equal("db.twill.twill.internal.", "web.twill.twill.internal.");
        string noData = client.Full(server, "db", "AAAA");
        noData.Should().Contain("status: NOERROR").And.Contain("ANSWER: 0");
        client.Full(server, "nobody.twill.twill.internal").Should().Contain("status: NXDOMAIN").And.Contain("SOA");
        client.Short(server, "_tcp.web.twill.twill.internal", "SRV").Should().ContainSingle().Which.Should().StartWith("10 100 80 tw");

        // The rest is the host's resolvers'; for the host itself only the network's names are.
        client.Short(server, "www.example.org").Should().Equal("198.51.100.7");
        client.Short(server, "www.example.org", "+tcp").Should().Equal("198.51.100.7");
        host.Short(server, "web.twill.twill.internal").Should().Equal(both);
        host.Full(server, "www.example.org").Should().Contain("status: REFUSED");

        // In etcd as CoreDNS reads it, under the hosts' leases.
        Dictionary<string, string> keys = cluster.Etcd.List(Keys).ToDictionary(pair => pair.Key, pair => pair.Value);
        keys.Keys.Where(key => key.StartsWith($"{Keys}internal/twill/twill/web/", StringComparison.Ordinal)).Should().HaveCount(2);
        keys[$"{Keys}arpa/in-addr/{far.Address.Replace('.', '/')}"].Should().Contain("\"host\":\"web.twill.twill.internal\"");
        keys.Values.Should().Contain($$"""{"host":"{{near.Address}}","ttl":5,"port":80,"ports":["80/tcp"]}""");

        string listed = host.Run("/opt/cni/bin/twill", "names").OrThrow().Stdout;
        listed.Should().MatchRegex($"web +{far.Address} +another host").And.Contain("80/tcp");

        // Nothing of a container that died or was deleted.
        far.Vanish();
        Eventually.Pass(() => client.Short(server, "web").Should().Equal(near.Address));
        Eventually.True("its keys are gone", () => !cluster.Etcd.List(Keys).Any(pair => pair.Value.Contains($"\"{far.Address}\"")));
        LabContainer second = Add(other, "second", """{"names":["web"]}""");
        Eventually.Pass(() => client.Short(server, "web").Should().HaveCount(2));

        // From memory while etcd is down, and again at once after the agent was killed.
        cluster.Etcd.Kill();
        LabContainer late = Add(host, "late", """{"names":["late"]}""");
        Eventually.Pass(() => client.Short(server, "late").Should().Equal(late.Address));
        string kept = host.At("/run/twill/twill/names.json");
        Eventually.True("the names are kept", () => File.ReadAllText(kept).Contains($"\"{late.Address}\""));
        host.Agent!.Kill();
        host.StartAgent();
        Eventually.Pass(() => client.Short(server, "web").Should().Equal([.. new[] { near.Address, second.Address }.Order()]));
        client.Short(server, "late").Should().Equal(late.Address);
        Plugin(host, late, "").Del(ConfigOf(host).ToJsonString()).OrThrow();
        Eventually.Pass(() => client.Short(server, "late").Should().Equal("198.51.100.7"));

        // And published again.
        cluster.Etcd.Start();
        Eventually.Pass(() => cluster.Etcd.List($"{Keys}internal/").Should().HaveCount(3, host.Agent!.Log));
    }

    [RequiresRootFact]
    public void Names_are_answered_for_on_one_host_beside_a_resolver_of_its_own()
    {
        using SingleHost single = new();
        LabHost host = single.Host;
        single.Conf.Plugin()["names"] = new JsonObject { ["zone"] = "Example.Internal" };
        host.Configure(single.Conf);
        host.Write("/etc/resolv.conf", "nameserver 127.0.0.1\n");
        host.StartAgent();
        LabContainer client = Add(host, "client", "{}", cniArgs: "K8S_POD_NAME=client;IgnoreUnknown=1"),
            web = Add(host, "web", "{}", cniArgs: "NAME=Web;K8S_POD_NAME=not_a_name;IgnoreUnknown=1");
        string server = ServerOf(client);
        Eventually.Pass(() => client.Short(server, "web.twill.example.internal").Should().Equal([web.Address], host.Agent!.Log));

        // A resolver of the host's, at all addresses, can start although the agent answers.
        using TempDir directory = TempDir.Create();
        using Daemon resolver = Daemon.Start("resolver", [.. host.Enter, "python3", s_resolver, "0.0.0.0"], directory.At("log"));
        Eventually.True("it listens", () => resolver.Log.Contains("ready", StringComparison.Ordinal), onFailure: () => resolver.Log);
        client.Short(server, "client", "+tcp").Should().Equal(client.Address);
        client.Short(server, "www.example.org").Should().Equal("198.51.100.7");
        host.Short(server, "web.twill.example.internal").Should().Equal(web.Address);

        // The way there is made again, and who closes it is told of.
        host.Nft("flush ruleset");
        Eventually.Pass(() => client.Short(server, "web").Should().Equal(web.Address));
        host.Nft("add table inet other; add chain inet other in { type filter hook input priority 0; policy drop; }");
        Eventually.Pass(() =>
            host.Run("/opt/cni/bin/twill", "status").Stdout.Should().Contain("names: chain in of nftables table inet other")
        );
        host.Nft("delete table inet other");
        Eventually.Pass(() => host.Run("/opt/cni/bin/twill", "status").Stdout.Should().Contain("all is well"));

        // CHECK misses a name, DEL and GC take it away; DEL also where the network has no names any more.
        string record = host.At($"/run/twill/twill/names/{HostEnd(web)}"),
            content = File.ReadAllText(record);
        CniProcess plugin = Plugin(host, web, "NAME=web");
        string config = single.Conf.ForPlugin(web.Result).ToJsonString();
        File.Delete(record);
        CniAnswer missing = plugin.Check(config);
        (missing.ErrorCode, missing.ErrorText.Contains(HostEnd(web), StringComparison.Ordinal)).Should().Be((103, true));
        File.WriteAllText(record, content);
        plugin.Check(config).OrThrow();
        JsonObject nameless = single.Conf.ForPlugin(web.Result);
        nameless.Remove("names").Should().BeTrue();
        plugin.Del(nameless.ToJsonString()).OrThrow();
        File.Exists(record).Should().BeFalse();
        JsonObject gc = single.Conf.ForPlugin();
        gc["cniVersion"] = "1.1.0";
        gc["cni.dev/valid-attachments"] = new JsonArray();
        host.Plugin("twill").Run("GC", gc.ToJsonString()).OrThrow();
        Directory.GetFiles(host.At("/run/twill/twill/names")).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void What_is_no_name_is_refused_before_anything_is_made()
    {
        using SingleHost single = new();
        LabContainer container = single.Host.NewContainer("c");
        (string Args, string CniArgs, int Code, string Where)[] cases =
        [
            ("""{"names":["web","-db"]}""", "", 7, "$.args.cni.names[1]"),
            ("""{"names":"web"}""", "", 7, "$.args.cni.names"),
            ("""{"names":[""]}""", "", 7, "$.args.cni.names[0]"),
            ("{}", "NAME=a.b", 4, "CNI_ARGS: NAME"),
        ];
        foreach ((string args, string cniArgs, int code, string where) in cases)
        {
            JsonObject config = single.Conf.ForPlugin();
            config["names"] = new JsonObject();
            config["args"] = new JsonObject { ["cni"] = JsonNode.Parse(args) };

            CniAnswer answer = Plugin(single.Host, container, cniArgs).Add(config.ToJsonString());

            answer.ErrorCode.Should().Be(code, answer.ToString());
            answer.ErrorText.Should().Contain(where);
        }

        Leftovers.Of(single.Host).Should().BeEmpty();
    }

    private static string ServerOf(LabContainer container) => (string)JsonNode.Parse(container.Result)!["dns"]!["nameservers"]![0]!;

    private static string HostEnd(LabContainer container) =>
        JsonNode.Parse(container.Result)!["interfaces"]!.AsArray().Select(i => (string)i!["name"]!).Single(n => n.Length == 15);

    private static CniProcess Plugin(LabHost host, LabContainer container, string cniArgs) =>
        host.Plugin("twill", container) with { Args = cniArgs };

    private static JsonObject ConfigOf(LabHost host) =>
        JsonNode.Parse(File.ReadAllText(host.At("/etc/cni/net.d/10-twill.conflist")))!.AsObject().ForPlugin();

    /// <summary>An ADD with `args.cni`, `runtimeConfig` and CNI_ARGS.</summary>
    private static LabContainer Add(LabHost host, string name, string args, string runtimeConfig = "{}", string cniArgs = "")
    {
        LabContainer container = host.NewContainer(name);
        JsonObject config = ConfigOf(host);
        config["args"] = new JsonObject { ["cni"] = JsonNode.Parse(args) };
        config["runtimeConfig"] = JsonNode.Parse(runtimeConfig);
        container.Result = Plugin(host, container, cniArgs).Add(config.ToJsonString()).OrThrow().Stdout;
        return container;
    }
}
