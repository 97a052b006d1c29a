using System.Text.Json;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.EndToEnd.Tests.Hostile;

/// <summary>Every variable missing, empty and illegal, for every verb in the first and the last version, and in those between them one
/// variable each, in turns, on both published plugins.</summary>
public sealed class EnvironmentTests(HostileBench bench, ITestOutputHelper output) : IClassFixture<HostileBench>
{
    private static readonly (string Name, string Illegal)[] s_variables =
    [
        ("CNI_COMMAND", "FROBNICATE"),
        ("CNI_CONTAINERID", "../../etc/passwd"),
        ("CNI_NETNS", "run/netns/relative"),
        ("CNI_IFNAME", "sixteen-letters-"),
        ("CNI_ARGS", "without-a-value"),
        ("CNI_PATH", "/nowhere"),
    ];

    private enum State
    {
        Missing,
        Empty,
        Illegal,
    }

    [RequiresRootFact]
    public void Each_variable_missing_empty_or_illegal_is_judged_as_the_specification_says_for_each_verb_and_version()
    {
        string untouched = bench.Untouched;
        int calls = 0,
            turn = 0;
        foreach (string program in HostileBench.Plugins)
        {
            foreach (string verb in HostileBench.Verbs)
            {
                foreach (string version in HostileBench.Versions)
                {
                    bool isOutermost = version == HostileBench.Versions[0] || version == HostileBench.Versions[^1];
                    byte[] config = JsonSerializer.SerializeToUtf8Bytes(bench.Config(version, verb));
                    foreach ((string name, string illegal) in isOutermost ? s_variables : [s_variables[turn++ % s_variables.Length]])
                    {
                        foreach (State state in Enum.GetValues<State>())
                        {
                            string? value = state switch
                            {
                                State.Missing => null,
                                State.Empty => "",
                                _ => illegal,
                            };
                            CniProcess plugin = bench.Plugin(program, verb) with
                            {
                                Env = new Dictionary<string, string?> { [name] = value },
                            };
                            CniAnswer answer = plugin.Run(verb, config);
                            calls++;
                            Judge(answer, program, verb, version, name, state);
                            if (verb == "ADD" && answer.ExitCode == 0 && name != "CNI_COMMAND")
                            {
                                Undo(program, config);
                            }
                        }
                    }

                    bench.Traces().Should().Be(untouched, $"{program} {verb} {version}");
                }
            }
        }

        Figures.Report("environment", $"{calls:N0} calls, each answered as specified, nothing left", output);
    }

    [RequiresRootTheory]
    [InlineData("eth%d")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("sixteen-letters-")]
    [InlineData("a/b")]
    [InlineData("../eth0")]
    [InlineData("a b")]
    [InlineData("a\tb")]
    [InlineData("a\nb")]
    [InlineData(" ")]
    [InlineData("a:b")]
    [InlineData("%s%n")]
    [InlineData("all")]
    [InlineData("default")]
    [InlineData("ääääääää")] // eight letters, sixteen bytes
    public void An_interface_name_that_the_kernel_or_a_path_would_read_otherwise_is_refused_by_every_verb(string name)
    {
        foreach (string program in HostileBench.Plugins)
        {
            foreach (string verb in (string[])["ADD", "DEL", "CHECK"])
            {
                CniAnswer answer = (bench.Plugin(program, verb) with { IfName = name }).Run(verb, bench.Config(verb: verb).ToJsonString());
                HostileBench.Judge(answer, name).Should().Be(4);
                answer.ErrorText.Should().Contain("CNI_IFNAME");
            }
        }

        bench.TidyUp(name);
    }

    [RequiresRootTheory]
    [InlineData("lo")]
    [InlineData("exactly-fifteen")]
    [InlineData("0")]
    [InlineData("-")]
    [InlineData("$(reboot)")]
    [InlineData("`id`;'\"\\")]
    [InlineData("ähnlich")]
    public void An_interface_name_that_the_kernel_takes_is_used_as_it_is_or_refused_because_it_is_there(string name)
    {
        foreach (string program in HostileBench.Plugins)
        {
            CniProcess plugin = bench.Plugin(program) with { IfName = name };
            string config = bench.Config().ToJsonString();
            CniAnswer answer = plugin.Add(config);
            int code = HostileBench.Judge(answer, name);
            (name == "lo" && program == "twill" ? code != 0 : code == 0).Should().BeTrue(answer.ToString());
            if (code == 0 && program == "twill")
            {
                bench.Pod.Run("ip", "link", "show", "dev", name).ExitCode.Should().Be(0, name);
            }

            plugin.Del(config).OrThrow();
        }

        bench.TidyUp(name);
    }

    [RequiresRootTheory]
    [InlineData("..")]
    [InlineData(".hidden")]
    [InlineData("-rf")]
    [InlineData("_x")]
    [InlineData("a/b")]
    [InlineData("../../../etc/cni")]
    [InlineData("a b")]
    [InlineData("a\nb")]
    [InlineData("a:b")]
    [InlineData("a;b")]
    [InlineData("ä")]
    [InlineData("a\u0001")]
    [InlineData("$(reboot)")]
    public void A_container_id_outside_the_specifications_alphabet_is_refused_by_every_verb(string id)
    {
        foreach (string program in HostileBench.Plugins)
        {
            foreach (string verb in (string[])["ADD", "DEL", "CHECK"])
            {
                CniAnswer answer = (bench.Plugin(program, verb) with { ContainerId = id }).Run(
                    verb,
                    bench.Config(verb: verb).ToJsonString()
                );
                HostileBench.Judge(answer, id).Should().Be(4);
                answer.ErrorText.Should().Contain("CNI_CONTAINERID");
            }
        }

        bench.TidyUp(id);
    }

    [RequiresRootTheory]
    [InlineData("0")]
    [InlineData("a..b")]
    [InlineData("last")]
    [InlineData("lock")]
    [InlineData("new")]
    [InlineData("10.244.0.7")]
    [InlineData("CON_.-")]
    public void A_container_id_that_means_something_to_us_elsewhere_is_one_like_any_other(string id)
    {
        CniProcess plugin = bench.Plugin("twill") with { ContainerId = id };
        string config = bench.Config().ToJsonString();
        plugin.Add(config).OrThrow();
        bench.Base.CanPing("10.244.0.1").Should().BeTrue();
        plugin.Del(config).OrThrow();
        bench.TidyUp(id);
    }

    [RequiresRootTheory]
    [InlineData(300)] // longer than a file's name
    [InlineData(5_000)] // longer than an interface's alias
    [InlineData(60_000)] // longer than an address record
    public void A_long_container_id_is_served_or_refused_as_a_whole(int length)
    {
        CniProcess plugin = bench.Plugin("twill") with { ContainerId = new string('c', length) };
        string config = bench.Config().ToJsonString();
        int code = HostileBench.Judge(plugin.Add(config), $"{length} letters");
        code.Should().BeOneOf(0, 4);
        plugin.Del(config).OrThrow();
        bench.TidyUp($"{length} letters");
    }

    [RequiresRootTheory]
    [InlineData("/etc/hostname")]
    [InlineData("/dev/zero")]
    [InlineData("/run")]
    [InlineData("/run/hostile-fifo")]
    [InlineData("/proc/self/ns/mnt")]
    [InlineData("/proc/self/ns/net")] // the host's own
    [InlineData("/run/netns/../netns/nowhere")]
    public void A_namespace_that_is_none_of_a_container_is_refused_and_opening_it_stops_nothing(string path)
    {
        bench.Host.Sh("[ -p /run/hostile-fifo ] || mkfifo /run/hostile-fifo");
        CniAnswer answer = (bench.Plugin("twill") with { Netns = path }).Add(bench.Config().ToJsonString());
        HostileBench.Judge(answer, path).Should().Be(4);
        answer.ErrorText.Should().Contain("CNI_NETNS");
        bench.TidyUp(path);
    }

    [RequiresRootFact]
    public void With_too_few_open_files_a_call_says_so_and_leaves_nothing()
    {
        CniProcess plugin = bench.Plugin("twill");
        string config = bench.Config().ToJsonString();
        int refused = 0;
        for (int most = 8; most <= 40; most += 4)
        {
            CniProcess limited = plugin with { Prefix = [.. plugin.Prefix, "prlimit", $"--nofile={most}"] };
            foreach (string verb in (string[])["ADD", "DEL"])
            {
                CniAnswer answer = limited.Run(verb, config);
                if (answer.ExitCode != 0)
                {
                    answer.ErrorCode.Should().BeOneOf([5, 100], $"a file or a socket: {verb} with {most}: {answer}");
                    answer.ErrorText.Should().Contain("Too many open files");
                    refused++;
                }
            }

            plugin.Del(config).OrThrow();
            bench.TidyUp($"{most} files");
        }

        refused.Should().BePositive();
    }

    private void Undo(string program, byte[] config) => bench.Plugin(program).Run("DEL", config).OrThrow();

    private static void Judge(CniAnswer answer, string program, string verb, string version, string name, State state)
    {
        string because = $"{program} {verb} {version} with {name} {state}: {answer}";
        if (name == "CNI_COMMAND" && state == State.Missing)
        {
            answer.ExitCode.Should().Be(0, because);
            answer.Stdout.Should().StartWith($"{program} is a CNI plugin", "a person who runs a plugin by hand is told what it is");
            return;
        }

        int expected = Expected(program, verb, version, name, state);
        HostileBench.Judge(answer, because).Should().Be(expected, because);
        if (expected is 4 or 7)
        {
            answer.ErrorText.Should().Contain(name, because);
        }
    }

    /// <summary>The code that the specification asks for; 0: success.</summary>
    private static int Expected(string program, string verb, string version, string name, State state)
    {
        bool ofAttachment = verb is "ADD" or "DEL" or "CHECK";
        bool isWrong = name switch
        {
            "CNI_COMMAND" => true,
            "CNI_CONTAINERID" or "CNI_IFNAME" => ofAttachment,
            "CNI_NETNS" => verb is "ADD" or "CHECK",
            "CNI_ARGS" => verb is "ADD" or "CHECK" && state == State.Illegal,
            _ => verb == "GC" && state != State.Illegal,
        };
        if (isWrong)
        {
            return 4;
        }

        if (verb == "VERSION")
        {
            return 0;
        }

        if ((verb == "CHECK" && Array.IndexOf(HostileBench.Versions, version) < 4) || (verb is "GC" or "STATUS" && version != "1.1.0"))
        {
            return 1;
        }

        // The main plugin looks for the IPAM plugin there; STATUS says what an ADD would fail for.
        return name != "CNI_PATH" || program != "twill" ? 0
            : state != State.Illegal ? 4
            : verb == "STATUS" ? 50
            : 7;
    }
}
