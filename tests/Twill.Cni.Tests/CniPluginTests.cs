using System.Text.Json;
using Twill.Testing;

namespace Twill.Cni.Tests;

public sealed class CniPluginTests
{
    public static TheoryData<string> AllVersions => new(CniVersion.Supported.Select(v => v.ToString()));

    [Theory]
    [InlineData("ADD")]
    [InlineData("DEL")]
    [InlineData("CHECK")]
    [InlineData("GC")]
    [InlineData("STATUS")]
    public void Plugins_that_call_each_other_without_end_are_stopped(string verb)
    {
        string config = Calls.Config("1.1.0", """, "cni.dev/valid-attachments":[]""");

        Calls.Run(config, Calls.Environment(verb).With("TWILL_DELEGATIONS", "4")).ExitCode.Should().Be(0);
        JsonElement error = Calls.Refusal(config, Calls.Environment(verb).With("TWILL_DELEGATIONS", "5"));

        error.Code().Should().Be(7);
        error.Msg().Should().Contain("more than 4 plugins");
    }

    [Theory]
    [InlineData("ADD", "1.1.0", 0)]
    [InlineData("CHECK", "0.3.1", null)]
    [InlineData("DEL", "1.1.0", 7)]
    [InlineData("DEL", "1.1.0", 999)]
    public void Whoever_wants_to_know_how_a_call_ended_is_told_once_when_it_could_be_read(string verb, string version, int? code)
    {
        List<(CniVerb, string, uint)> told = [];
        CniVerbTable verbs = Calls.AllVerbs(_ =>
        {
            if (code > 0)
            {
                throw code == 7 ? new CniException(CniErrorCode.InvalidNetworkConfig, "no", "") : new InvalidOperationException();
            }
        });
        verbs.Ended = outcome => told.Add((outcome.Request.Verb, outcome.Request.NetworkName, outcome.Code));

        Calls.Run(Calls.Config(version), Calls.Environment(verb), verbs);

        told.Select(one => $"{one.Item1.Name()} {one.Item2} {one.Item3}").Should().Equal(code is null ? [] : [$"{verb} net {code}"]);
    }

    [Theory, MemberData(nameof(AllVersions))]
    public void Add_prints_one_result_in_the_version_asked(string version)
    {
        (int exitCode, JsonElement? output, FakeCniProcess process) = Calls.Run(Calls.Config(version), Calls.Environment("ADD"));

        exitCode.Should().Be(0);
        output!.Value.Version().Should().Be(version);
        process.Writes.Should().Be(1);
    }

    [Theory]
    [InlineData("DEL")]
    [InlineData("CHECK")]
    [InlineData("STATUS")]
    public void Verbs_other_than_add_print_nothing_when_they_succeed(string verb)
    {
        (int exitCode, JsonElement? output, _) = Calls.Run(Calls.Config("1.1.0"), Calls.Environment(verb));

        exitCode.Should().Be(0);
        output.Should().BeNull();
    }

    [Theory]
    [InlineData("CHECK", "0.1.0", 1)]
    [InlineData("CHECK", "0.3.1", 1)]
    [InlineData("CHECK", "0.4.0", 0)]
    [InlineData("GC", "1.0.0", 1)]
    [InlineData("GC", "1.1.0", 0)]
    [InlineData("STATUS", "0.4.0", 1)]
    [InlineData("STATUS", "1.0.0", 1)]
    [InlineData("STATUS", "1.1.0", 0)]
    [InlineData("DEL", "0.1.0", 0)]
    public void A_verb_exists_from_the_version_that_brought_it(string verb, string version, int exitCode)
    {
        string config = Calls.Config(version, """, "cni.dev/valid-attachments":[]""");

        (int actual, JsonElement? output, _) = Calls.Run(config, Calls.Environment(verb));

        actual.Should().Be(exitCode);
        if (exitCode != 0)
        {
            output!.Value.Code().Should().Be(1);
            output.Value.Msg().Should().Contain($"does not allow {verb}");
            output.Value.Version().Should().Be(version);
        }
    }

    [Theory]
    [InlineData("""{"name":"net"}""")]
    [InlineData("""{"name":"net","cniVersion":null}""")]
    [InlineData("""{"name":"net","cniVersion":""}""")] // what libcni makes of a list without one
    public void A_configuration_without_version_means_0_1_0(string config)
    {
        CniVersion seen = default;

        (_, JsonElement? output, _) = Calls.Run(config, Calls.Environment("ADD"), Calls.AllVerbs(r => seen = r.Version));

        seen.Should().Be(CniVersion.V0_1_0);
        output!.Value.Version().Should().Be("0.1.0");
    }

    [Theory]
    [InlineData("\"2.0.0\"", 1)]
    [InlineData("\"0.3.2\"", 1)]
    [InlineData("\"1.1.0-rc1\"", 1)]
    [InlineData("\"1.1\"", 1)]
    [InlineData("\"01.1.0\"", 1)]
    [InlineData("\"99999999999.0.0\"", 1)]
    [InlineData("\"latest\"", 6)]
    [InlineData("1.1", 6)]
    [InlineData("[]", 6)]
    public void A_version_that_is_not_spoken_is_named_with_those_that_are(string version, uint code)
    {
        JsonElement error = Calls.Refusal($$"""{"cniVersion":{{version}},"name":"net"}""", Calls.Environment("ADD"));

        error.Code().Should().Be(code);
        error.Version().Should().Be("1.1.0");
        error.Details().Should().Contain("$.cniVersion").And.Contain("1.1.0");
        if (code == 1)
        {
            error.Details().Should().Contain(version.Trim('"')).And.Contain("0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0");
        }
    }

    [Fact]
    public void Version_lists_every_version_and_looks_at_no_other_variable()
    {
        (string, string)[] dummies = [.. Calls.Environment("VERSION").Select(v => v.Item1 == "CNI_COMMAND" ? v : (v.Item1, "dummy %/: "))];

        (int exitCode, JsonElement? output, _) = Calls.Run("""{"cniVersion":"0.4.0"}""", dummies);

        exitCode.Should().Be(0);
        output!
            .Value.GetRawText()
            .Should()
            .Be("""{"cniVersion":"0.4.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}""");
    }

    [Theory]
    [InlineData("")]
    [InlineData("not json")]
    [InlineData("""{"cniVersion":7}""")]
    [InlineData("""{"cniVersion":"nonsense"}""")]
    public void Version_answers_without_a_usable_input(string stdin)
    {
        (int exitCode, JsonElement? output, _) = Calls.Run(stdin, [("CNI_COMMAND", "VERSION")]);

        exitCode.Should().Be(0);
        output!.Value.Version().Should().Be("1.1.0");
    }

    [Fact]
    public void Version_answers_when_standard_input_is_closed()
    {
        var process = new FakeCniProcess("", ("CNI_COMMAND", "VERSION")) { StdinFailure = new IOException("standard input is closed") };

        CniPlugin.Run(Calls.AllVerbs(), process).Should().Be(0);

        process.Stdout.Should().Contain("supportedVersions");
    }

    [Theory]
    [InlineData("ADD", "ADD DEL")]
    [InlineData("DEL", "DEL")]
    [InlineData("VERSION", "")]
    public void An_ADD_whose_result_nobody_reads_is_taken_back(string command, string expected)
    {
        List<string> done = [];
        CniVerbTable verbs = new() { [CniVerb.Add] = _ => Note("ADD", Calls.SomeResult), [CniVerb.Del] = _ => Note("DEL", null) };
        var process = new FakeCniProcess(Calls.Config("1.1.0"), Calls.Environment(command))
        {
            StdoutFailure = new IOException("nobody reads"),
        };

        CniPlugin.Run(verbs, process).Should().Be(command == "DEL" ? 0 : 1);

        string.Join(' ', done).Should().Be(expected);

        CniResult? Note(string verb, CniResult? result)
        {
            done.Add(verb);
            return result;
        }
    }

    [Fact]
    public void What_cannot_be_taken_back_is_said()
    {
        CniVerbTable verbs = new()
        {
            [CniVerb.Add] = _ => Calls.SomeResult,
            [CniVerb.Del] = _ => throw new CniException(CniErrorCode.Kernel, "no kernel", "none at all"),
        };
        var process = new FakeCniProcess(Calls.Config("1.1.0"), Calls.Environment("ADD"))
        {
            StdoutFailure = new IOException("nobody reads"),
        };

        CniPlugin.Run(verbs, process).Should().Be(1);

        process
            .StderrLines.Should()
            .Equal(
                "cannot write the answer to standard output: nobody reads",
                "and what ADD made could not be taken back, DEL has to: no kernel none at all"
            );
    }

    [Theory]
    [InlineData(null, "missing")]
    [InlineData("", "missing")]
    [InlineData("add", "'add'")]
    [InlineData("UPDATE", "'UPDATE'")]
    public void An_unknown_command_is_an_environment_error_that_names_it(string? command, string expected)
    {
        JsonElement error = Calls.Refusal(Calls.Config("1.1.0"), Calls.Environment("ADD").With("CNI_COMMAND", command));

        error.Code().Should().Be(4);
        error.Details().Should().Contain("CNI_COMMAND").And.Contain(expected);
    }

    [Fact]
    public void A_verb_the_plugin_lacks_is_an_error_not_a_silent_success()
    {
        JsonElement error = Calls.Refusal(Calls.Config("1.1.0"), Calls.Environment("STATUS"), new CniVerbTable());

        error.Code().Should().Be(4);
        error.Details().Should().Contain("STATUS");
    }

    [Fact]
    public void Without_a_command_the_fallback_runs_and_nothing_is_read()
    {
        var process = new FakeCniProcess("") { StdinFailure = new IOException("must not be read") };
        var verbs = new CniVerbTable { WithoutCommand = () => 42 };

        CniPlugin.Run(verbs, process).Should().Be(42);

        process.Stdout.Should().BeEmpty();
        Calls.Refusal("", [("CNI_COMMAND", "")], verbs).Code().Should().Be(4, "a caller that sets it is no person");
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData(" \n\t ", "it is empty")]
    [InlineData("[]", "expected a JSON object, got a list")]
    [InlineData("null", "expected a JSON object, got null")]
    [InlineData("\"text\"", "expected a JSON object, got 'text'")]
    [InlineData("{\"name\":\n \"a\",,}", "line 2, byte 6")]
    [InlineData("{\"name\":\"a\"} {}", "line 1")]
    [InlineData("{// no comments\n}", "line 1")]
    [InlineData("{\"name\":\"a\",}", "line 1")]
    [InlineData("{\"name\":\"\\ud800\"}", "unpaired surrogate")]
    [InlineData("{\"\\uDC00\":1}", "unpaired surrogate")]
    public void Input_that_is_no_json_object_is_a_decode_failure_that_says_where(string stdin, string expected)
    {
        JsonElement error = Calls.Refusal(stdin, Calls.Environment("ADD"));

        error.Code().Should().Be(6);
        error.Msg().Should().Contain("standard input");
        error.Details().Should().Contain(expected);
    }

    [Fact]
    public void Invalid_utf8_is_a_decode_failure_that_names_the_byte()
    {
        var process = new FakeCniProcess([.. """{"name":"n"""u8, 0xC3, 0x28, .. "\"}"u8], Calls.Environment("ADD"));

        CniPlugin.Run(Calls.AllVerbs(), process).Should().Be(1);

        JsonDocument.Parse(process.Stdout).RootElement.Details().Should().Contain("byte 10 is not valid UTF-8");
    }

    [Theory]
    [InlineData(63, true)]
    [InlineData(64, false)]
    [InlineData(100_000, false)]
    public void Nesting_is_bounded(int levels, bool accepted)
    {
        string nested = new string('[', levels) + new string(']', levels);

        (int exitCode, JsonElement? output, _) = Calls.Run($$"""{"name":"net","x":{{nested}}}""", Calls.Environment("ADD"));

        exitCode.Should().Be(accepted ? 0 : 1);
        if (!accepted)
        {
            output!.Value.Details().Should().Contain("nested deeper than 64 levels");
        }
    }

    [Fact]
    public void A_megabyte_of_keys_is_read_in_one_go()
    {
        string many = string.Concat(Enumerable.Range(0, 60_000).Select(i => $",\"key{i}\":{i}"));

        Calls.Run(Calls.Config("1.1.0", many), Calls.Environment("ADD")).ExitCode.Should().Be(0);
    }

    [Fact]
    public void A_list_of_millions_is_refused_before_it_fills_the_memory()
    {
        string many = $", \"prevResult\":{{\"ips\":[0{string.Concat(Enumerable.Repeat(",0", 2_000_000))}]}}";

        Calls
            .Refusal(Calls.Config("1.1.0", many), Calls.Environment("CHECK"))
            .Details()
            .Should()
            .Be("$.prevResult.ips: expected a list of at most 100000 elements, got a list");
    }

    [Fact]
    public void A_key_given_twice_is_refused_because_readers_would_differ()
    {
        JsonElement error = Calls.Refusal("""{"cniVersion":"1.0.0","name":"a","name":"b"}""", Calls.Environment("ADD"));

        error.Code().Should().Be(7);
        error.Details().Should().Be("$.name: the key is there twice");
    }

    [Theory]
    [InlineData("""{"cniVersion":"1.0.0"}""", "got nothing")]
    [InlineData("""{"cniVersion":"1.0.0","name":""}""", "got ''")]
    [InlineData("""{"cniVersion":"1.0.0","name":null}""", "got null")]
    [InlineData("""{"cniVersion":"1.0.0","name":5}""", "got '5'")]
    [InlineData("""{"cniVersion":"1.0.0","name":"a/b"}""", "got 'a/b'")]
    [InlineData("""{"cniVersion":"1.0.0","name":"../x"}""", "got '../x'")]
    [InlineData("""{"cniVersion":"1.0.0","name":"-a"}""", "got '-a'")]
    [InlineData("""{"cniVersion":"1.0.0","name":"näme"}""", "got 'näme'")]
    public void A_bad_network_name_is_refused_before_it_reaches_a_path(string stdin, string expected)
    {
        JsonElement error = Calls.Refusal(stdin, Calls.Environment("ADD"));

        error.Code().Should().Be(7);
        error.Details().Should().StartWith("$.name: expected").And.EndWith(expected);
    }

    [Fact]
    public void Unreadable_input_is_an_io_failure()
    {
        var process = new FakeCniProcess("", Calls.Environment("ADD")) { StdinFailure = new IOException("Bad file descriptor") };

        CniPlugin.Run(Calls.AllVerbs(), process).Should().Be(1);

        JsonDocument.Parse(process.Stdout).RootElement.Code().Should().Be(5);
    }

    [Fact]
    public void An_answer_nobody_reads_fails_the_call_without_an_exception()
    {
        var process = new FakeCniProcess(Calls.Config("1.0.0"), Calls.Environment("ADD"))
        {
            StdoutFailure = new IOException("Broken pipe"),
        };

        CniPlugin.Run(Calls.AllVerbs(), process).Should().Be(1);

        process.StderrLines.Should().ContainSingle().Which.Should().Contain("Broken pipe");
    }

    [Fact]
    public void Exceptions_of_lower_libraries_are_translated()
    {
        var verbs = new CniVerbTable
        {
            [CniVerb.Del] = _ => throw new TimeoutException("etcd is away"),
            Translate = e => e is TimeoutException ? new CniException(CniErrorCode.TryAgainLater, e.Message) : null,
        };

        JsonElement error = Calls.Refusal(Calls.Config("0.4.0"), Calls.Environment("DEL"), verbs);

        error.GetRawText().Should().Be("""{"cniVersion":"0.4.0","code":11,"msg":"etcd is away"}""");
    }

    [Fact]
    public void An_unknown_exception_is_an_internal_error_without_a_stack_trace()
    {
        var verbs = new CniVerbTable
        {
            [CniVerb.Del] = _ => throw new InvalidOperationException("half a \"thing\""),
            Translate = _ => throw new NotSupportedException(),
        };

        JsonElement error = Calls.Refusal(Calls.Config("1.1.0"), Calls.Environment("DEL"), verbs);

        error.Code().Should().Be(999);
        error.Details().Should().Contain("half a \"thing\"").And.NotContain("   at ");
    }

    [Fact]
    public void An_add_without_a_result_is_an_internal_error()
    {
        JsonElement error = Calls.Refusal(Calls.Config("1.1.0"), Calls.Environment("ADD"), new CniVerbTable { [CniVerb.Add] = _ => null });

        error.Code().Should().Be(999);
    }
}
