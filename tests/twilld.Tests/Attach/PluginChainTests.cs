using System.Text.Json.Nodes;
using Twill.Agent.Attach;
using Twill.Cni;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;
using Twill.Testing;

namespace Twill.Agent.Tests.Attach;

/// <summary>All plugins of a list are run in order, each with what a runtime gives it. The plugins are scripts that write down what they
/// got.</summary>
public sealed class PluginChainTests : IDisposable
{
    private const string Own =
        """
        {"type":"twill","args":{"labels":[1],"cni":{"mac":"x"}},"ipam":{"type":"twill-ipam","network":"10.244.0.0/16",
         "etcd":{"endpoints":["http://127.0.0.1:1"]},"routes":[{"dst":"0.0.0.0/0"}]}}
        """;

    private readonly TempDir _directory = TempDir.Create();

    public PluginChainTests()
    {
        foreach (string plugin in new[] { "twill", "second", "third" })
        {
            string error = $$"""{"code":11,"msg":"not {{plugin}}","details":"now"}""",
                answer = $$$"""{"cniVersion":"1.0.0","ips":[{"address":"10.244.7.5/24"}],"dns":{"domain":"{{{plugin}}}"}}""";
            _directory.Write(
                plugin,
                $"""
                #!/bin/sh
                echo "$CNI_COMMAND {plugin} $CNI_CONTAINERID $CNI_IFNAME $CNI_NETNS" >>{_directory.At("calls")}
                cat >"{_directory.At("in")}.$CNI_COMMAND.{plugin}"
                if [ -e {_directory.At($"bad.{plugin}")} ]; then echo '{error}'; exit 1; fi
                [ $CNI_COMMAND != ADD ] || echo '{answer}'
                """
            );
            Cmd.Sh($"chmod +x {_directory.At(plugin)}");
        }
    }

    [Fact]
    public async Task Each_plugin_gets_the_result_of_the_one_before_and_DEL_goes_backwards_with_the_last_one()
    {
        AttachedContainer container = Container();

        string result = await PluginChain.AddAsync(container);
        container = container with { Result = result };
        await PluginChain.CheckAsync(container);
        await PluginChain.DelAsync(container);

        JsonNode.Parse(result)!["dns"]!["domain"]!.GetValue<string>().Should().Be("third");
        string at = $"{container.Attachment.ContainerId} eth1 /proc/self/ns/net";
        File.ReadAllLines(_directory.At("calls"))
            .Should()
            .Equal(
                $"ADD twill {at}", $"ADD second {at}", $"ADD third {at}",
                $"CHECK twill {at}", $"CHECK second {at}", $"CHECK third {at}",
                $"DEL third {at}", $"DEL second {at}", $"DEL twill {at}"
            );
        Input("ADD.twill")["prevResult"].Should().BeNull();
        string Before(string call) => (string)Input(call)["prevResult"]!["dns"]!["domain"]!;
        Before("ADD.second").Should().Be("twill");
        Before("ADD.third").Should().Be("second");
        Before("CHECK.twill").Should().Be("third");
        Before("DEL.twill").Should().Be("third");
    }

    [Fact]
    public async Task A_plugin_gets_its_part_of_the_file_with_name_version_arguments_and_a_route_to_the_other_hosts()
    {
        await PluginChain.AddAsync(Container() with { Names = ["web"], Addresses = ["10.244.7.5"] });

        JsonNode input = Input("ADD.twill");
        ((string)input["name"]!).Should().Be("pods");
        ((string)input["cniVersion"]!).Should().Be("1.0.0");
        input["args"]!.ToJsonString().Should().Be("""{"labels":[1],"cni":{"mac":"x","names":["web"],"ips":["10.244.7.5"]}}""");
        input["ipam"]!["routes"]!.ToJsonString().Should().Be("""[{"dst":"0.0.0.0/0"},{"dst":"10.244.0.0/16"}]""");
        ((string)Input("ADD.third")["key"]!).Should().Be("of a file of its own");
    }

    [Fact]
    public async Task DEL_goes_on_behind_a_plugin_that_fails_and_tells_it()
    {
        _directory.Write("bad.second", "");

        Func<Task> del = () => PluginChain.DelAsync(Container());

        (await del.Should().ThrowAsync<CniException>()).Which.Text.Should().Be("DEL failed; second: not second; now");
        File.ReadAllLines(_directory.At("calls")).Should().HaveCount(3);
        Func<Task> add = () => PluginChain.AddAsync(Container());
        (await add.Should().ThrowAsync<CniException>()).Which.Text.Should().Be("not second; now");
        File.ReadAllLines(_directory.At("calls")).Should().HaveCount(5, "the third is not run");
    }

    [Fact]
    public async Task A_namespace_that_is_another_one_now_is_not_given_to_DEL()
    {
        await PluginChain.DelAsync(Container() with { Identity = new NetnsIdentity(1, 2) });

        File.ReadAllLines(_directory.At("calls")).Should().AllSatisfy(line => line.Should().EndWith("eth1 "));
    }

    [Fact]
    public async Task A_plugin_that_is_not_there_is_named_with_where_it_was_looked_for()
    {
        File.Delete(_directory.At("second"));

        Func<Task> add = () => PluginChain.AddAsync(Container());

        (await add.Should().ThrowAsync<CniException>()).Which.Text.Should()
            .Be($"plugin 'second'; it is not in /nowhere, {_directory.Path}; install it there");
    }

    public void Dispose() => _directory.Dispose();

    /// <summary>A container of a network whose third plugin is in a file of its own.</summary>
    private AttachedContainer Container()
    {
        _directory.Write("conf/pods.conflist", $$"""{"cniVersion":"1.0.0","name":"pods","plugins":[{{Own}},{"type":"second"}]}""");
        _directory.Write("conf/pods/x.conf", """{"type":"third","key":"of a file of its own"}""");
        FoundNetwork network = NetworkConfigList.Load(_directory.At("conf"), BackendTable.All).Networks.Single();
        return new AttachedContainer
        {
            Network = "pods",
            Attachment = new CniAttachment("4f2c", "eth1"),
            Runtime = "docker",
            Name = "web",
            Netns = "/proc/self/ns/net",
            Identity = NetnsIdentity.WithCookie("/proc/self/ns/net")!.Value,
            BootId = "b",
            Config = PluginChain.ConfigOf(network),
            PluginDirs = ["/nowhere", _directory.Path],
        };
    }

    private JsonNode Input(string call) => JsonNode.Parse(File.ReadAllText(_directory.At($"in.{call}")))!;
}
