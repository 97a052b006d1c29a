using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Verbs;

/// <summary>GC frees what nobody lists, all of it, in its own network only, and nothing that an ADD is making meanwhile.</summary>
public sealed class GcTests
{
    private const string Both =
        """{"portMappings":[{"hostPort":PORT,"containerPort":80}],"bandwidth":{"ingressRate":20000000,"ingressBurst":1000000,"egressRate":20000000,"egressBurst":1000000}}""";

    [RequiresRootTheory]
    [InlineData("cni.dev/valid-attachments", false)]
    [InlineData("cni.dev/attachments", false)]
    [InlineData("cni.dev/valid-attachments", true)]
    public void An_empty_list_frees_everything_of_the_network_and_nothing_of_another(string key, bool asNull)
    {
        using SingleHost single = new();
        JsonObject other = OtherNetwork(single);
        LabContainer stays = Add(single.Host.Plugin("twill", single.Host.NewContainer("stays")), single.Host, "stays", other, 8101);
        Add(single, "a", 8102);
        Add(single, "b", 8103);
        JsonObject config = Config(single.Conf);
        config[key] = asNull ? null : new JsonArray();

        single.Host.Plugin("twill").Run("GC", config.ToJsonString()).OrThrow().Stdout.Should().BeEmpty();

        Leftovers.Links(single.Host).Should().BeEquivalentTo(stays.HostEnd(), stays.Ifb());
        Leftovers.Records(single.Host).Should().BeEmpty();
        single.Host.Nft("list ruleset").Should().Contain("8101").And.NotContain("8102").And.NotContain("8103");
        Directory.GetFiles(single.Host.At("/run/twill/twill/ports")).Should().BeEmpty();
        single.Host.Plugin("twill", stays).Check(Config(other, stays.Result).ToJsonString()).OrThrow();
    }

    [RequiresRootTheory]
    [InlineData("twill", "{}")]
    [InlineData("twill-ipam", "{}")]
    [InlineData("twill", """{"cni.dev/valid-attachments":"all"}""")]
    [InlineData("twill", """{"cni.dev/valid-attachments":[{"containerID":"a"}]}""")]
    [InlineData("twill-ipam", """{"cni.dev/valid-attachments":[{"containerID":"../a","ifname":"eth0"}]}""")]
    public void A_list_that_is_missing_or_cannot_be_understood_is_refused_and_frees_nothing(string program, string list)
    {
        using SingleHost single = new();
        LabContainer a = Add(single, "a", 8102);
        JsonObject config = Config(single.Conf);
        foreach ((string key, JsonNode? value) in JsonNode.Parse(list)!.AsObject())
        {
            config[key] = value?.DeepClone();
        }

        CniAnswer answer = single.Host.Plugin(program).Run("GC", config.ToJsonString());

        answer.ErrorCode.Should().Be(7);
        answer.ErrorText.Should().Contain("cni.dev/valid-attachments");
        single.Host.Plugin("twill", a).Check(Config(single.Conf, a.Result).ToJsonString()).OrThrow();
    }

    [RequiresRootFact]
    public void The_ipam_plugin_alone_frees_what_nobody_lists()
    {
        using SingleHost single = new();
        LabContainer a = Add(single, "a", 8102),
            b = Add(single, "b", 8103);

        single.Host.Plugin("twill-ipam").Run("GC", Listing(single.Conf, "b")).OrThrow();

        Leftovers.Records(single.Host).Should().Equal(b.Address);
        Leftovers.Links(single.Host).Should().Contain(a.HostEnd(), "links are not its business");
    }

    [RequiresRootTheory]
    [InlineData("before-ADD")]
    [InlineData("after-ADD")]
    public void Adds_that_run_while_GCs_come_and_go_lose_nothing(string held)
    {
        using SingleHost single = new();
        HeldIpam ipam = new(single.Host);
        LabContainer orphan = Add(single, "orphan", 8199);
        LabContainer[] containers = [.. Enumerable.Range(0, 6).Select(i => single.Host.NewContainer($"c{i}"))];
        ipam.Stop(held);
        Task<LabContainer>[] adds =
        [
            .. containers.Select((c, i) => Task.Run(() => Add(ipam.Plugin(c), single.Host, c.Name, single.Conf, 8110 + i, c))),
        ];
        ipam.WaitFor(held, containers.Length);

        for (int i = 0; i < 3; i++)
        {
            single.Host.Plugin("twill").Run("GC", Listing(single.Conf)).OrThrow();
        }

        Leftovers.Links(single.Host).Should().NotContain(orphan.HostEnd(), "nobody is at work on that").And.HaveCount(containers.Length);

        // And one that began while they ran, to which they end in the middle.
        ipam.Stop("before-GC");
        Task<CniAnswer> gc = Task.Run(() => ipam.Plugin().Run("GC", Listing(single.Conf)));
        ipam.WaitFor("before-GC", 1);
        ipam.Go(held);
        Task.WaitAll(adds, TimeSpan.FromMinutes(1)).Should().BeTrue();
        ipam.Go("before-GC");
        gc.Result.OrThrow();

        foreach (LabContainer container in adds.Select(a => a.Result))
        {
            Check(single, container);
            container.CanPing(Lab.OutsideAddress).Should().BeTrue();
        }

        Leftovers.Records(single.Host).Should().BeEquivalentTo(containers.Select(c => c.Address));
        Marks(single).Should().BeEmpty();
        single.Host.Plugin("twill").Run("GC", Listing(single.Conf)).OrThrow();
        Leftovers.Of(single.Host).Should().BeEmpty("they are not at work any more, and nobody lists them");
    }

    [RequiresRootFact]
    public void An_add_that_runs_while_one_GC_waits_for_another_loses_nothing_to_either()
    {
        using SingleHost single = new();
        HeldIpam ipam = new(single.Host);
        Add(single, "orphan", 8199);
        ipam.Stop("before-GC");
        Task<CniAnswer> first = Task.Run(() => ipam.Plugin().Run("GC", Listing(single.Conf)));
        ipam.WaitFor("before-GC", 1);
        Task<CniAnswer> second = Task.Run(() => single.Host.Plugin("twill").Run("GC", Listing(single.Conf)));
        Eventually.True("the second GC waits", () => Collections(single) == 2);

        LabContainer container = Add(single, "meanwhile", 8110);
        ipam.Go("before-GC");
        first.Result.OrThrow();
        second.Result.OrThrow();

        Check(single, container);
        Leftovers.Records(single.Host).Should().Equal(container.Address);
        Marks(single).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void What_a_killed_add_made_is_freed_and_so_is_its_mark()
    {
        using SingleHost single = new();
        HeldIpam ipam = new(single.Host);
        LabContainer container = single.Host.NewContainer("killed");
        ipam.Stop("after-ADD");
        CniProcess plugin = ipam.Plugin(container);
        Task<CniAnswer> add = Task.Run(() => plugin.Add(Config(single.Conf).ToJsonString()));
        ipam.WaitFor("after-ADD", 1);
        ipam.KillCaller("after-ADD", container);
        ipam.Go("after-ADD");
        add.Result.ExitCode.Should().NotBe(0);
        Leftovers.Of(single.Host).Should().HaveCount(2, "a host end and an address");
        Marks(single).Should().HaveCount(1);

        single.Host.Plugin("twill").Run("GC", Listing(single.Conf)).OrThrow();

        Leftovers.Of(single.Host).Should().BeEmpty();
        Marks(single).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void GCs_at_the_same_time_take_turns()
    {
        using SingleHost single = new();
        LabContainer a = Add(single, "a", 8102);
        for (int i = 0; i < 6; i++)
        {
            Add(single, $"gone{i}", 8110 + i);
        }

        Parallel.For(0, 6, _ => single.Host.Plugin("twill").Run("GC", Listing(single.Conf, "a")).OrThrow());

        Leftovers.Of(single.Host).Should().BeEquivalentTo(a.HostEnd(), a.Ifb(), a.Address);
        Check(single, a);
    }

    private static LabContainer Add(SingleHost single, string name, int port) =>
        Add(single.Host.Plugin("twill", single.Host.NewContainer(name)), single.Host, name, single.Conf, port);

    private static LabContainer Add(CniProcess plugin, LabHost host, string name, JsonObject conf, int port, LabContainer? container = null)
    {
        container ??= host.Container(name);
        container.Result = plugin.Add(Config(conf).WithRuntimeConfig(Both.Replace("PORT", $"{port}")).ToJsonString()).OrThrow().Stdout;
        return container;
    }

    private static void Check(SingleHost single, LabContainer container) =>
        single.Host.Plugin("twill", container).Check(Config(single.Conf, container.Result).ToJsonString()).OrThrow();

    private static string[] Marks(SingleHost single) =>
        [
            .. new[] { "adding", "added" }
                .Select(d => single.Host.At($"/run/twill/twill/{d}"))
                .Where(Directory.Exists)
                .SelectMany(d => Directory.GetFiles(d)),
        ];

    /// <summary>How many GCs run or wait: each has a lock of its own in the file.</summary>
    private static int Collections(SingleHost single)
    {
        string inode = single.Host.Run("stat", "-c", "%i", "/run/twill/twill/collecting").OrThrow().Stdout.Trim();
        return File.ReadLines("/proc/locks").Count(l => l.Contains("OFDLCK") && l.Contains($":{inode} ") && !l.Contains("->"));
    }

    private static string Listing(JsonObject conf, params string[] containers)
    {
        JsonObject config = Config(conf);
        config["cni.dev/valid-attachments"] = new JsonArray([
            .. containers.Select(c => new JsonObject { ["containerID"] = c, ["ifname"] = "eth0" }),
        ]);
        return config.ToJsonString();
    }

    private static JsonObject Config(JsonObject conf, string? result = null)
    {
        JsonObject config = result is null ? conf.ForPlugin() : conf.ForPlugin(result);
        config["cniVersion"] = "1.1.0";
        return config;
    }

    private static JsonObject OtherNetwork(SingleHost single)
    {
        JsonObject other = single.Conf.DeepClone().AsObject();
        other["name"] = "other";
        other.Plugin()["bridge"] = "twill1";
        other.Ipam()["subnet"] = "10.245.0.0/24";
        return other;
    }
}
