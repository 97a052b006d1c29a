using System.Diagnostics;
using System.Net;
using System.Text;
using Twill.Testing;

namespace Twill.Cni.Tests;

/// <summary>Real processes: shell scripts as IPAM plugins.</summary>
public sealed class DelegateExecTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();

    public void Dispose() => _dir.Dispose();

    private string Plugin(string name, string script)
    {
        string path = _dir.Write(name, "#!/bin/sh\n" + script);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    private CniRequest Request(CniVerb verb = CniVerb.Add, string? config = null, params (string, string)[] environment) =>
        Calls.Request(
            verb,
            config ?? Calls.Config("1.0.0"),
            [("CNI_PATH", $"/nonexistent:{_dir.Path}"), ("PATH", "/usr/bin:/bin"), .. environment]
        );

    private CniException Refusal(CniVerb verb = CniVerb.Add, string plugin = "ipam") =>
        FluentActions.Invoking(() => DelegateExec.Run(Request(verb), plugin, verb)).Should().Throw<CniException>().Which;

    [Fact]
    public void The_plugin_gets_the_environment_and_the_configuration_unchanged()
    {
        Plugin("ipam", $"env > {_dir.At("env")}; cat > {_dir.At("stdin")}; echo '{{\"ips\":[{{\"address\":\"10.1.0.5/16\"}}]}}'");
        string config = Calls.Config("1.0.0", ",  \"ipam\" : {\"type\":\"ipam\", \"x\":1.50}");
        CniRequest request = Request(CniVerb.Check, config, ("CNI_ARGS", "A=ü;B=2"), ("EXTRA", "a=b c"));

        CniResult? result = DelegateExec.Run(request, "ipam", CniVerb.Add);

        result!.Ips.Should().ContainSingle().Which.Cidr.Should().Be("10.1.0.5/16");
        File.ReadAllText(_dir.At("stdin")).Should().Be(config);
        File.ReadAllLines(_dir.At("env"))
            .Should()
            .Contain("CNI_COMMAND=ADD")
            .And.NotContain("CNI_COMMAND=CHECK")
            .And.Contain(["CNI_CONTAINERID=c1", "CNI_NETNS=/run/netns/c1", "CNI_IFNAME=eth0", "CNI_ARGS=A=ü;B=2", "EXTRA=a=b c"]);
    }

    [Theory]
    [InlineData(null, "1")]
    [InlineData("1", "2")]
    [InlineData("many", "1")]
    public void It_is_told_how_many_plugins_have_called_each_other(string? before, string told)
    {
        Plugin("ipam", $"env > {_dir.At("env")}");
        CniRequest request = before is null ? Request(CniVerb.Del) : Request(CniVerb.Del, null, ("TWILL_DELEGATIONS", before));

        DelegateExec.Run(request, "ipam", CniVerb.Del);

        File.ReadAllLines(_dir.At("env"))
            .Where(line => line.StartsWith("TWILL_DELEGATIONS=", StringComparison.Ordinal))
            .Should()
            .Equal($"TWILL_DELEGATIONS={told}");
    }

    [Fact]
    public void A_plugin_that_is_held_starts_and_reads_nothing_before_it_is_waited_for()
    {
        Plugin("ipam", $"touch {_dir.At("started")}; read x; [ -e {_dir.At("go")} ] && touch {_dir.At("after")}");

        using RunningDelegate running = DelegateExec.Start(Request(CniVerb.Del), "ipam", CniVerb.Del, held: true);
        Eventually.True("it starts", () => File.Exists(_dir.At("started")));
        _dir.Write("go", "");
        running.Wait();

        File.Exists(_dir.At("after")).Should().BeTrue("it read its configuration when the caller had done its part");
    }

    [Fact]
    public void A_plugin_that_is_held_and_abandoned_finds_no_configuration()
    {
        Plugin("ipam", $"cat > {_dir.At("stdin")}");

        DelegateExec.Start(Request(CniVerb.Del), "ipam", CniVerb.Del, held: true).Dispose();

        File.ReadAllText(_dir.At("stdin")).Should().BeEmpty();
    }

    [Fact]
    public void The_caller_works_while_the_plugin_works()
    {
        Plugin("ipam", $"read x; while [ ! -e {_dir.At("go")} ]; do sleep 0.02; done; echo '{{}}'");

        using RunningDelegate running = DelegateExec.Start(Request(), "ipam", CniVerb.Add);
        _dir.Write("go", "");

        running.Wait().Should().NotBeNull();
    }

    [Fact]
    public void What_it_promises_is_there_before_it_ends_and_counts_when_it_has_ended_well()
    {
        Plugin(
            "ipam",
            $"cat >/dev/null; echo '{{\"ips\":[{{\"address\":\"10.1.0.5/16\"}}]}}'; exec >&-; while [ ! -e {_dir.At("go")} ]; do sleep "
                + $"0.02; done"
        );

        using RunningDelegate running = DelegateExec.Start(Request(), "ipam", CniVerb.Add);
        CniResult? promised = running.ReadResult();
        running.Succeeded.Should().BeFalse("it has not ended yet");
        _dir.Write("go", "");
        running.WaitForExit();

        promised!.Ips.Should().ContainSingle().Which.Cidr.Should().Be("10.1.0.5/16");
        running.Succeeded.Should().BeTrue();
    }

    [Fact]
    public void What_it_promises_does_not_count_when_it_fails_after_all()
    {
        Plugin("ipam", "cat >/dev/null; echo '{\"ips\":[{\"address\":\"10.1.0.5/16\"}]}'; exec >&-; sleep 0.1; exit 1");

        using RunningDelegate running = DelegateExec.Start(Request(), "ipam", CniVerb.Add);
        running.ReadResult().Should().NotBeNull();

        running.Invoking(r => r.WaitForExit()).Should().Throw<CniException>().WithMessage("*failed with exit code 1*");
        running.Succeeded.Should().BeFalse();
    }

    [Fact]
    public void An_error_is_no_promise()
    {
        Plugin("ipam", """cat >/dev/null; echo '{"cniVersion":"1.0.0","code":11,"msg":"no lease"}'; exec >&-; sleep 0.1; exit 1""");

        using RunningDelegate running = DelegateExec.Start(Request(), "ipam", CniVerb.Add);

        running.Invoking(r => r.ReadResult()).Should().Throw<CniException>().WithMessage("no lease");
    }

    [Theory]
    [InlineData("0.2.0", """{"cniVersion":"0.2.0","ip4":{"ip":"10.1.0.5/16","gateway":"10.1.0.1","routes":[{"dst":"0.0.0.0/0"}]}}""")]
    [InlineData(
        "0.4.0",
        """{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.0.5/16","gateway":"10.1.0.1"}],"routes":[{"dst":"0.0.0.0/0"}],"dns":{}}"""
    )]
    [InlineData("1.1.0", """{"ips":[{"address":"10.1.0.5/16","gateway":"10.1.0.1"}],"routes":[{"dst":"0.0.0.0/0"}]}""")]
    public void Its_answer_is_understood_in_every_version(string version, string answer)
    {
        Plugin("ipam", $"cat >/dev/null; echo '{answer}'");

        CniResult result = DelegateExec.Run(Request(CniVerb.Add, Calls.Config(version)), "ipam", CniVerb.Add)!;

        result.Ips.Should().Equal(new CniIp(IPAddress.Parse("10.1.0.5"), 16, IPAddress.Parse("10.1.0.1")));
        result.Routes.Should().Equal(new CniRoute(IPNetwork.Parse("0.0.0.0/0")));
    }

    [Fact]
    public void Its_error_is_passed_on_as_it_is()
    {
        Plugin("ipam", """cat >/dev/null; echo '{"cniVersion":"1.0.0","code":11,"msg":"no lease","details":"etcd is away"}'; exit 1""");

        CniException e = Refusal();

        (e.Code, e.Message, e.Details).Should().Be((CniErrorCode.TryAgainLater, "no lease", "etcd is away"));
    }

    [Fact]
    public void A_code_only_that_plugin_knows_survives()
    {
        Plugin("ipam", """echo '{"code":123456,"msg":"mine"}'; exit 3""");

        ((uint)Refusal().Code).Should().Be(123456);
    }

    [Theory]
    [InlineData("exit 1", "failed with exit code 1, and its answer is no error document: it is empty", "")]
    [InlineData(
        "echo 'panic: runtime error'; exit 2",
        "failed with exit code 2, and its answer is no error document: not valid JSON at line 1, byte 1",
        "it printed: panic: runtime error"
    )]
    [InlineData("echo '{}'; exit 1", "failed with exit code 1 without saying why", "it printed: {}")]
    [InlineData("echo '[1]'; exit 1", "expected a JSON object, got a list", "it printed: [1]")]
    [InlineData("kill -9 $$", "was killed by signal 9", "")]
    [InlineData("echo '{}'; kill -TERM $$", "was killed by signal 15", "")]
    [InlineData("true", "succeeded, but its answer is no result: it is empty", "")]
    [InlineData("echo 10.1.0.5", "succeeded, but its answer is no result: not valid JSON", "it printed: 10.1.0.5")]
    [InlineData("printf '{\"a\":\"\\377\"}'", "succeeded, but its answer is no result: byte 6 is not valid UTF-8", "it printed:")]
    public void A_plugin_that_breaks_the_protocol_is_described(string script, string msg, string details)
    {
        Plugin("ipam", "cat >/dev/null\n" + script);

        CniException e = Refusal();

        e.Code.Should().Be(CniErrorCode.Delegate);
        e.Message.Should().StartWith("plugin 'ipam' (ADD) ").And.Contain(msg);
        e.Details.Should().StartWith(details);
    }

    [Fact]
    public void A_result_of_the_wrong_form_is_the_plugins_fault_not_the_configurations()
    {
        Plugin("ipam", """cat >/dev/null; echo '{"ips":[{"address":"nowhere"}]}'""");

        CniException e = Refusal();

        e.Code.Should().Be(CniErrorCode.Delegate);
        e.Text.Should()
            .Be(
                "plugin 'ipam' answered ADD with a wrong result; $.ips[0].address: expected an IP address with prefix length like "
                    + "10.1.0.5/16, got 'nowhere'"
            );
    }

    [Theory]
    [InlineData(CniVerb.Del)]
    [InlineData(CniVerb.Check)]
    public void Verbs_without_a_result_do_not_look_at_the_answer(CniVerb verb)
    {
        Plugin("ipam", "cat >/dev/null; echo all fine");

        DelegateExec.Run(Request(verb), "ipam", verb).Should().BeNull();
    }

    [Fact]
    public void Large_documents_in_both_directions_do_not_wait_for_each_other()
    {
        // It answers while it reads: whoever writes everything first and reads then, stands still once both pipes are full.
        Plugin("ipam", "printf '{\"x\":['; cat; printf ',0]}'");
        string config = Calls.Config("1.0.0", $",\"pad\":\"{new string('p', 3_000_000)}\"");

        using RunningDelegate running = DelegateExec.Start(Request(CniVerb.Add, config), "ipam", CniVerb.Add);

        running.Wait().Should().NotBeNull();
    }

    [Fact]
    public void A_plugin_that_does_not_read_its_input_is_judged_by_its_answer()
    {
        Plugin("ipam", "exec <&-; echo '{}'");
        string config = Calls.Config("1.0.0", $",\"pad\":\"{new string('p', 1_000_000)}\"");

        DelegateExec.Run(Request(CniVerb.Add, config), "ipam", CniVerb.Add).Should().NotBeNull();
    }

    [Fact]
    public void What_a_plugin_leaves_running_does_not_hold_the_caller()
    {
        Plugin("ipam", $"cat >/dev/null; sleep 60 & echo $! > {_dir.At("pid")}; echo '{{}}'");
        var watch = Stopwatch.StartNew();
        try
        {
            DelegateExec.Run(Request(), "ipam", CniVerb.Add).Should().NotBeNull();

            watch.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(30));
        }
        finally
        {
            using Process left = Process.GetProcessById(int.Parse(File.ReadAllText(_dir.At("pid"))));
            left.Kill();
        }
    }

    [Fact]
    public void An_endless_answer_is_cut_off()
    {
        Plugin("ipam", "cat >/dev/null; exec yes");

        Refusal().Message.Should().Contain("answered more than 16777216 bytes");
    }

    [Fact]
    public void An_abandoned_plugin_is_waited_for()
    {
        Plugin("ipam", $"cat >/dev/null; sleep 0.2; touch {_dir.At("done")}; echo '{{}}'");

        DelegateExec.Start(Request(), "ipam", CniVerb.Add).Dispose();

        File.Exists(_dir.At("done")).Should().BeTrue();
    }

    [Fact]
    public void It_starts_with_no_signal_blocked_or_ignored()
    {
        Plugin("ipam", $"cat >/dev/null; grep -E '^Sig(Blk|Ign)' /proc/self/status > {_dir.At("signals")}; echo '{{}}'");

        DelegateExec.Run(Request(), "ipam", CniVerb.Add);

        foreach (string line in File.ReadAllLines(_dir.At("signals")))
        {
            ulong signals = Convert.ToUInt64(line.Split('\t')[1], 16);
            ulong sigpipe = 1UL << 12;
            (signals & sigpipe).Should().Be(0, line);
            if (line.StartsWith("SigBlk"))
            {
                signals.Should().Be(0, line);
            }
        }
    }

    [Fact]
    public void It_inherits_no_descriptor_but_the_standard_streams()
    {
        Plugin("ipam", $"ls /proc/self/fd > {_dir.At("fds")}; cat >/dev/null; echo '{{}}'");

        string[] inherited = [.. Inheritable()]; // what the test's own process was started with

        DelegateExec.Run(Request(), "ipam", CniVerb.Add);

        // 3: ls itself; 10: the shell's script
        File.ReadAllLines(_dir.At("fds")).Should().BeSubsetOf(["0", "1", "2", "3", "10", .. inherited]);

        static IEnumerable<string> Inheritable() =>
            Directory
                .GetFiles("/proc/self/fdinfo")
                .Where(path =>
                {
                    const int cloexec = 0x80000; // O_CLOEXEC in the octal "flags:" line
                    try
                    {
                        string flags = File.ReadLines(path).First(line => line.StartsWith("flags:")).Split('\t')[1];
                        return (Convert.ToInt32(flags, 8) & cloexec) == 0;
                    }
                    catch (IOException)
                    {
                        return false; // closed while we looked
                    }
                })
                .Select(path => Path.GetFileName(path)!);
    }

    [Fact]
    public void A_plugin_that_is_nowhere_is_reported_with_the_places_searched()
    {
        CniException e = Refusal(plugin: "absent");

        e.Code.Should().Be(CniErrorCode.InvalidNetworkConfig);
        e.Message.Should().Be("cannot find plugin 'absent'");
        e.Details.Should().Contain($"searched: /nonexistent, {_dir.Path};");
    }

    [Fact]
    public void Without_a_search_path_the_variable_is_named()
    {
        CniRequest request = Calls.Request(CniVerb.Add, Calls.Config("1.0.0"), ("CNI_PATH", ""));

        FluentActions
            .Invoking(() => DelegateExec.Run(request, "ipam", CniVerb.Add))
            .Should()
            .Throw<CniException>()
            .Where(e => e.Code == CniErrorCode.InvalidEnvironment && e.Message.Contains("CNI_PATH"));
    }

    [Theory]
    [InlineData("/bin/true")]
    [InlineData("../bin/true")]
    [InlineData("")]
    [InlineData("..")]
    public void A_name_with_a_path_is_never_run(string name) => Refusal(plugin: name).Code.Should().Be(CniErrorCode.InvalidNetworkConfig);

    [Fact]
    public void A_file_that_cannot_be_executed_is_reported_with_the_kernels_words()
    {
        _dir.Write("ipam", "#!/bin/sh\n");
        File.SetUnixFileMode(_dir.At("ipam"), UnixFileMode.UserRead);

        CniException e = Refusal();

        e.Code.Should().Be(CniErrorCode.Delegate);
        e.Details.Should().Be($"exec {_dir.At("ipam")}: Permission denied (errno 13)");
    }

    [Fact]
    public void A_file_that_is_still_being_written_is_waited_for()
    {
        string binary = _dir.At("busy");
        File.Copy("/bin/true", binary);
        using FileStream writer = new(binary, FileMode.Open, FileAccess.ReadWrite);
        using var later = new Timer(_ => writer.Dispose(), null, 300, Timeout.Infinite);

        DelegateExec.Run(Request(CniVerb.Del), "busy", CniVerb.Del).Should().BeNull();
    }

    [Fact]
    public void Many_at_once_do_not_mix_their_pipes()
    {
        Plugin("ipam", """read line; echo "{\"dns\":{\"domain\":\"$CNI_CONTAINERID\"}}" """);

        Parallel.For(0, 40, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            CniRequest request = Request(CniVerb.Add, Calls.Config("1.0.0") + "\n", ("CNI_CONTAINERID", $"c{i}"));
            DelegateExec.Run(request, "ipam", CniVerb.Add)!.Dns.Domain.Should().Be($"c{i}");
        });
    }

    [Fact]
    public void No_descriptor_is_left_open()
    {
        Plugin("ipam", "cat >/dev/null; echo '{}'");
        DelegateExec.Run(Request(), "ipam", CniVerb.Add);
        int before = Pipes();

        for (int i = 0; i < 20; i++)
        {
            DelegateExec.Run(Request(), "ipam", CniVerb.Add);
        }

        Pipes().Should().BeLessThan(before + 20);

        static int Pipes() => Directory.GetFiles("/proc/self/fd").Length;
    }

    [Fact]
    public void A_plugin_that_closes_its_output_first_still_gets_its_whole_input()
    {
        Plugin("ipam", $"exec >&-; sleep 0.2; wc -c > {_dir.At("count")}");
        string config = Calls.Config("1.0.0", $",\"pad\":\"{new string('p', 1_000_000)}\"");

        DelegateExec.Run(Request(CniVerb.Del, config), "ipam", CniVerb.Del);

        File.ReadAllText(_dir.At("count")).Trim().Should().Be($"{config.Length}");
    }

    [ReferencePluginFact]
    public void The_reference_plugin_answers()
    {
        string config = Calls.Config(
            "1.0.0",
            $$""","ipam":{"type":"host-local","subnet":"10.99.0.0/24","dataDir":"{{_dir.Path}}","routes":[{"dst":"0.0.0.0/0"}]}"""
        );
        CniRequest request = Calls.Request(CniVerb.Add, config, ("CNI_PATH", "/usr/lib/cni"));

        CniResult result = DelegateExec.Run(request, "host-local", CniVerb.Add)!;
        DelegateExec.Run(request, "host-local", CniVerb.Del).Should().BeNull();

        Encoding
            .UTF8.GetString(result.ToJson(CniVersion.V1_0_0))
            .Trim()
            .Should()
            .Be("""{"cniVersion":"1.0.0","ips":[{"address":"10.99.0.2/24","gateway":"10.99.0.1"}],"routes":[{"dst":"0.0.0.0/0"}]}""");
    }

    private sealed class ReferencePluginFactAttribute : FactAttribute
    {
        public ReferencePluginFactAttribute()
        {
            if (!File.Exists("/usr/lib/cni/host-local"))
            {
                Skip = "needs /usr/lib/cni/host-local (Debian's containernetworking-plugins)";
            }
        }
    }
}
