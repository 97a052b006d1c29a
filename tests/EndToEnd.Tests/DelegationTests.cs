using System.Globalization;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>What the main plugin owes the IPAM plugin (SPEC section 4), seen by an IPAM plugin that writes down how it was
/// called.</summary>
public sealed class DelegationTests(SingleHost single) : IClassFixture<SingleHost>
{
    private const string Calls = "/run/ipam-calls";

    private static int s_containers;

    [RequiresRootTheory]
    [InlineData("ADD")]
    [InlineData("DEL")]
    [InlineData("CHECK")]
    [InlineData("GC")]
    public void Each_verb_reaches_the_ipam_plugin_with_the_whole_call_and_its_error_is_the_answer(string verb)
    {
        (CniProcess plugin, JsonObject config) = Prepare(verb);
        config["of the runtime"] = "passed on";

        CniAnswer good = plugin.Run(verb, config.ToJsonString()).OrThrow();

        good.Stderr.Should().Contain($"the ipam plugin says {verb}", "its standard error is ours");
        JsonNode.Parse(Read("stdin"))!.ToJsonString().Should().Be(config.ToJsonString(), "it is given the complete configuration");
        string[] environment = Read("env").Split('\n');
        foreach ((string name, string? value) in plugin.Environment(verb).Where(v => v.Value is not null))
        {
            environment.Should().Contain($"{name}={value}");
        }

        (plugin, config) = Prepare(verb);
        single.Host.Write($"{Calls}/fail", "");
        CniAnswer bad = plugin.Run(verb, config.ToJsonString());
        bad.ExitCode.Should().Be(1);
        bad.ErrorCode.Should().Be(123, bad.ToString());
        bad.ErrorText.Should().Contain("not today");

        single.Host.Sh($"rm {Calls}/fail");
        foreach (LabContainer container in _made)
        {
            single.Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();
        }

        Leftovers.Of(single.Host).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void An_add_that_fails_once_the_address_is_given_has_the_ipam_plugin_take_it_back()
    {
        (CniProcess plugin, JsonObject config) = Prepare("ADD");
        // the name is taken
        single.Host.Run("ip", "netns", "exec", plugin.ContainerId, "ip", "link", "add", "eth0", "type", "bridge").OrThrow();

        plugin.Add(config.ToJsonString()).ExitCode.Should().Be(1);

        Read("verbs").Should().Be("ADD\nDEL\n");
        Leftovers.Of(single.Host).Should().BeEmpty();
    }

    [RequiresRootTheory]
    [InlineData("ADD")]
    [InlineData("DEL")]
    [InlineData("GC")]
    [InlineData("STATUS")]
    public void An_ipam_plugin_that_comes_back_to_the_main_plugin_is_stopped_after_a_few_calls(string verb)
    {
        (CniProcess plugin, JsonObject config) = Prepare(verb);
        single.Host.Write("/opt/cni/bin/comes-back", $"#!/bin/sh\necho $CNI_COMMAND >> {Calls}/verbs\nexec /opt/cni/bin/twill\n");
        single.Host.Sh($"chmod 755 /opt/cni/bin/comes-back; mkdir -p {Calls}");
        config["ipam"] = new JsonObject { ["type"] = "comes-back" };

        CniAnswer answer = plugin.Run(verb, config.ToJsonString());

        answer.ExitCode.Should().Be(1, answer.ToString());
        if (verb is "STATUS")
        {
            answer.ErrorText.Should().Contain("plugins have called each other").And.Contain("$.ipam.type");
        }

        Read("verbs").Split('\n').Count(called => called == verb).Should().BeInRange(1, 8);
        Leftovers.Of(single.Host).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void An_ipam_plugin_that_fails_is_asked_to_free_what_it_may_have_taken_unless_the_interface_was_there_before()
    {
        (CniProcess plugin, JsonObject config) = Prepare("ADD");
        single.Host.Sh($"mkdir -p {Calls}; touch {Calls}/fail");

        plugin.Add(config.ToJsonString()).ErrorCode.Should().Be(123);
        Read("verbs").Should().Be("ADD\nDEL\n");

        single.Host.Sh($"rm {Calls}/*");
        plugin.Add(config.ToJsonString()).OrThrow();
        single.Host.Sh($"touch {Calls}/fail");
        plugin.Add(config.ToJsonString()).ErrorCode.Should().Be(104);
        Read("verbs").Should().Be("ADD\nADD\n", "the address is of the ADD before");

        single.Host.Sh($"rm {Calls}/fail");
        plugin.Del(config.ToJsonString()).OrThrow();
        Leftovers.Of(single.Host).Should().BeEmpty();
    }

    private readonly List<LabContainer> _made = [];

    /// <summary>The IPAM plugin, forgetful of earlier calls, and a call that succeeds: for CHECK of an attachment that is there.</summary>
    private (CniProcess Plugin, JsonObject Config) Prepare(string verb)
    {
        int number = Interlocked.Increment(ref s_containers);
        single.Host.Write(
            "/opt/cni/bin/writes-down",
            $$"""
            #!/bin/sh
            mkdir -p {{Calls}}; cd {{Calls}}
            cat > stdin; env > env; echo $CNI_COMMAND >> verbs
            echo "the ipam plugin says $CNI_COMMAND" >&2
            [ ! -e fail ] || { echo '{"cniVersion":"1.1.0","code":123,"msg":"not today"}'; exit 1; }
            [ $CNI_COMMAND != ADD ] || echo '{"cniVersion":"1.1.0","ips":[{"address":"10.7.0.{{(number + 1).ToString(
                CultureInfo.InvariantCulture
            )}}/24","gateway":"10.7.0.1"}]}'
            """
        );
        single.Host.Sh($"chmod 755 /opt/cni/bin/writes-down; rm -rf {Calls}");
        LabContainer container = single.Host.NewContainer($"d{number}");
        _made.Add(container);
        JsonObject config = single.Conf.ForPlugin();
        config["cniVersion"] = "1.1.0";
        config["ipam"] = new JsonObject { ["type"] = "writes-down" };
        CniProcess plugin = single.Host.Plugin("twill", container) with
        {
            Env = new Dictionary<string, string?> { ["OF_THE_RUNTIME"] = "passed on" },
        };
        if (verb == "CHECK")
        {
            config["prevResult"] = JsonNode.Parse(plugin.Add(config.ToJsonString()).OrThrow().Stdout);
            single.Host.Sh($"rm -rf {Calls}");
        }

        if (verb == "GC")
        {
            config["cni.dev/valid-attachments"] = new JsonArray();
        }

        return (plugin, config);
    }

    private string Read(string file) => File.ReadAllText(single.Host.At($"{Calls}/{file}"));
}
