using System.Globalization;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>
/// The children that outlive a plugin are taken over by process 1 of the PID namespace that the plugin runs in. Where that reaps nobody,
/// there must be none.
/// </summary>
public sealed class OrphanTests(SingleHost single) : IClassFixture<SingleHost>
{
    // A shell reaps whatever it inherits; sleep, as the entry point of a container, nobody.
    private const string Reaping = "while :; do sleep 0.1; done",
        NotReaping = "exec sleep infinity";

    private LabHost Host => single.Host;

    [RequiresRootTheory]
    [InlineData("reaping", Reaping, 1)]
    [InlineData("not-reaping", NotReaping, 0)]
    public void Twenty_adds_and_dels_leave_no_process_behind_whatever_process_1_is(string name, string init, int childrenThatOutliveDel)
    {
        using TempDir directory = TempDir.Create();
        LabContainer container = Host.NewContainer(name); // before the space, which has the mounts that there are now
        using Daemon space = Daemon.Start(
            name,
            [.. Host.Enter, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", init],
            directory.At("log")
        );
        int first = FirstProcess(space);
        string[] enter = ["nsenter", $"--target={first}", "--net", "--mount", "--pid", "--"];
        CniProcess plugin = Host.Plugin("twill", container) with { Prefix = enter };

        for (int round = 0; round < 20; round++)
        {
            plugin.Add(single.Config).OrThrow();
            plugin.Del(single.Config).OrThrow();
        }

        Eventually.True(
            $"{name} process 1 has no child of ours",
            () => Children(first).All(c => NameOf(c) is not ("twill" or "twill-ipam")),
            onFailure: () => string.Join('\n', Children(first).Select(c => File.ReadAllText($"/proc/{c}/stat")))
        );

        string trace = directory.At("trace");
        plugin.Add(single.Config).OrThrow();
        (plugin with { Prefix = [.. enter, "strace", "--follow-forks", "--trace=clone,clone3", "--output", trace] })
            .Del(single.Config)
            .OrThrow();
        string[] calls = File.ReadAllLines(trace);
        calls
            .Count(c => c.Contains("|SIGCHLD", StringComparison.Ordinal))
            .Should()
            .Be(childrenThatOutliveDel, "{0}\n{1}", File.ReadAllText($"/proc/{first}/status"), string.Join('\n', calls));
    }

    [RequiresRootFact]
    public void A_caller_that_ignores_the_end_of_its_children_is_served()
    {
        CniProcess plugin = Host.Plugin("twill", Host.NewContainer("ignoring")) with
        {
            Prefix = [.. Host.Enter, "env", "--ignore-signal=CHLD"],
        };

        string result = plugin.Add(single.Config).OrThrow().Stdout;
        plugin.Check(single.Config.Replace("\"name\"", $"\"prevResult\":{result},\"name\"")).OrThrow();
        (plugin with { ContainerId = "other" })
            .Add(single.Config.Replace("twill-ipam", "no-such-plugin"))
            .ErrorText.Should()
            .Contain("no-such-plugin");
        plugin.Del(single.Config).OrThrow();
    }

    // unshare is the daemon; process 1 of the namespace is its child, as soon as there is one.
    private static int FirstProcess(Daemon unshare)
    {
        int first = 0;
        Eventually.True("process 1 has started", () => (first = Children(unshare.Pid).FirstOrDefault()) != 0 && NameOf(first) != "unshare");
        return first;
    }

    private static IEnumerable<int> Children(int pid) =>
        File.ReadAllText($"/proc/{pid}/task/{pid}/children")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(c => int.Parse(c, CultureInfo.InvariantCulture));

    private static string NameOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").Trim();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or IOException)
        {
            return ""; // gone
        }
    }
}
