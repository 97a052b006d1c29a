using Twill.Testing;

namespace Twill.EndToEnd.Tests.Hostile;

/// <summary>
/// Standard streams that are closed, slow, full or that nobody reads, on both published plugins. The lines run in a shell on the
/// host; in them `plugin` is the plugin and `conf` its configuration. Whatever comes of a call, after it nothing is left but what
/// it answered for.
/// </summary>
public sealed class StreamTests(HostileBench bench) : IClassFixture<HostileBench>
{
    public static TheoryData<string, string, int> NotAnswered =>
        Each(
            ("plugin < conf >&-", 1),
            ("plugin < conf > /dev/full", 1),
            ("plugin < conf >&- 2>&-", 1),
            ("plugin < conf > /dev/full 2> /dev/full", 1),
            ("plugin <&- >&- 2>&-", 1),
            ("plugin < conf | true; test ${PIPESTATUS[0]} = 1", 0),
            ("trap '' PIPE; plugin < conf | true; test ${PIPESTATUS[0]} = 1", 0),
            ("plugin < conf 2>&1 | head -c 1 > /dev/null; test ${PIPESTATUS[0]} -le 1 && plugin_del", 0)
        );

    public static TheoryData<string, string> Answered =>
        new()
        {
            { "a second between the halves", "(head -c 100 conf; sleep 1; tail -c +101 conf) | plugin > out" },
            {
                "byte by byte",
                "python3 -c 'import sys,time\nfor b in open(\"conf\",\"rb\").read(): sys.stdout.buffer.write(bytes([b])); "
                    + "sys.stdout.flush(); time.sleep(0.001)' | plugin > out"
            },
            { "a reader that comes late", "mkfifo slow; (sleep 1; cat slow > out) & plugin < conf > slow; code=$?; wait; (exit $code)" },
            {
                "a pipe that is nearly full",
                "mkfifo full; python3 -c 'import "
                    + "os,time\nr=os.open(\"full\",os.O_RDONLY)\ntime.sleep(1)\nos.read(r,65536)\n"
                    + "open(\"out\",\"wb\").write(b\"\".join(iter(lambda:os.read(r,65536),b\"\")))' & exec 7> full; "
                    + "head -c 65536 /dev/zero >&7; plugin < conf >&7; code=$?; exec 7>&-; wait; (exit $code)"
            },
            { "no standard error", "plugin < conf > out 2>&-" },
            { "standard error that is full", "plugin < conf > out 2> /dev/full" },
            { "a reader of standard error that is gone", "{ plugin < conf > out; echo $? > code; } 2>&1 | true; (exit $(cat code))" },
            { "an input that can be read and written", "plugin <> conf > out" },
            {
                "an input that does not block",
                "python3 -c 'import os,sys,subprocess,threading,time\nr,w=os.pipe(); "
                    + "os.set_blocking(r,False)\np=subprocess.Popen([sys.argv[1]],stdin=r)\nc=open(\"conf\",\"rb\").read(); "
                    + "os.write(w,c[:50]); time.sleep(0.3); os.write(w,c[50:]); os.close(w)\nsys.exit(p.wait())' $program > out"
            },
            { "descriptors that are open and not ours", "plugin < conf > out 5<&0 6>&1 7> /dev/full 8< /dev/zero" },
        };

    [RequiresRootTheory]
    [MemberData(nameof(NotAnswered))]
    public void An_ADD_whose_answer_does_not_arrive_leaves_nothing(string program, string line, int exitCode)
    {
        string untouched = bench.Untouched;
        Shell(program, line).ExitCode.Should().Be(exitCode, line);
        bench.Traces().Should().Be(untouched, line);
    }

    [RequiresRootTheory]
    [MemberData(nameof(Answered))]
    public void Slow_and_odd_streams_are_borne(string what, string line)
    {
        foreach (string program in HostileBench.Plugins)
        {
            CmdResult result = Shell(program, $"{line}; code=$?; cat out | tr -d '\\0'; plugin_del; exit $code");
            result.ExitCode.Should().Be(0, $"{program}, {what}: {result}");
            result.Stdout.Should().Contain("\"ips\"", $"{program}, {what}");
            bench.TidyUp(what);
        }
    }

    [RequiresRootTheory]
    [InlineData("plugin <&-", 5)]
    [InlineData("plugin < .", 5)]
    [InlineData("plugin < /dev/null", 6)]
    [InlineData("plugin < /dev/zero", 6)]
    [InlineData("head -c 100 conf | plugin", 6)]
    public void Input_that_is_none_is_told_apart(string line, int code)
    {
        foreach (string program in HostileBench.Plugins)
        {
            CmdResult result = Shell(program, line);
            HostileBench.Judge(new CniAnswer(result.ExitCode, result.Stdout, result.Stderr), $"{program}: {line}").Should().Be(code);
        }

        bench.TidyUp(line);
    }

    [RequiresRootTheory]
    [InlineData("DEL")]
    [InlineData("GC")]
    [InlineData("STATUS")]
    public void Verbs_without_an_answer_do_not_mind_that_nobody_reads_it(string verb)
    {
        foreach (string program in HostileBench.Plugins)
        {
            Shell(program, "plugin < conf >&- 2>&-", verb).ExitCode.Should().Be(0, program);
        }
    }

    private static TheoryData<string, string, int> Each(params (string Line, int ExitCode)[] lines)
    {
        TheoryData<string, string, int> data = [];
        foreach ((string line, int exitCode) in lines)
        {
            foreach (string program in HostileBench.Plugins)
            {
                data.Add(program, line, exitCode);
            }
        }

        return data;
    }

    private CmdResult Shell(string program, string line, string verb = "ADD")
    {
        CniProcess plugin = bench.Plugin(program);
        bench.Host.Write("/run/hostile/conf", bench.Config(verb: verb).ToJsonString());
        string script = $$"""
            cd /run/hostile; rm -f out slow full code
            program={{plugin.Program}}
            plugin() { $program; }
            plugin_del() { CNI_COMMAND=DEL $program < conf; }
            {{line}}
            """;
        return Cmd.Run(
            plugin.Prefix[0],
            [.. plugin.Prefix.Skip(1), "timeout", "50", "bash", "-c", script],
            TimeSpan.FromSeconds(60),
            plugin.Environment(verb)
        );
    }
}
