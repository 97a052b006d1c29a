using System.Diagnostics;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Ipam;

/// <summary>The published twill-ipam as many processes, some of them killed: judged by the files it leaves.</summary>
public sealed class IpamProcessTests : IDisposable
{
    private readonly TempDir _temp = TempDir.Create();

    private string Config =>
        $$"""{"cniVersion":"1.0.0","name":"net","type":"bridge","ipam":{"type":"twill-ipam","subnet":"10.1.0.0/24","dataDir":"{{_temp.Path}}"} }""";

    [Fact]
    public void Thirty_two_processes_at_once_get_different_addresses()
    {
        string[] addresses = new string[32];
        Parallel.For(0, 32, new ParallelOptions { MaxDegreeOfParallelism = 32 }, i =>
            addresses[i] = AddressOf(Plugin($"c{i}").Add(Config))
        );
        addresses.Should().OnlyHaveUniqueItems();
        Records().Should().HaveCount(32);
        Parallel.For(0, 32, new ParallelOptions { MaxDegreeOfParallelism = 32 }, i => Plugin($"c{i}").Del(Config).OrThrow());
        Files().Should().BeEquivalentTo("last", "lock");
    }

    [Fact]
    public void Twenty_processes_that_come_first_at_once_lease_one_subnet_and_share_it()
    {
        using EtcdServer etcd = EtcdServer.Start();
        string config = $$"""
            {"cniVersion":"1.0.0","name":"net","type":"bridge","ipam":{"type":"twill-ipam","network":"10.9.0.0/16","dataDir":"{{_temp.Path}}",
            "etcd":{"endpoints":["{{etcd.Endpoint}}"]} } }
            """;
        string[] addresses = new string[20];
        Parallel.For(0, 20, new ParallelOptions { MaxDegreeOfParallelism = 20 }, i =>
            addresses[i] = AddressOf(Plugin($"c{i}").Add(config))
        );
        addresses.Should().OnlyHaveUniqueItems();
        etcd.List("/twill/net/subnets/").Should().HaveCount(1);
        etcd.List("/twill/net/twill/nodes/").Should().HaveCount(1);
        etcd.Stop();
        AddressOf(Plugin("later").Add(config))
            .Should()
            .StartWith(addresses[0][..addresses[0].LastIndexOf('.')], "with a lease etcd is not needed");
    }

    [Fact]
    public void An_ADD_killed_anywhere_leaves_nothing_after_its_DEL_and_disturbs_no_other()
    {
        AddressOf(Plugin("other").Add(Config)).Should().Be("10.1.0.2/24");
        string other = File.ReadAllText(_temp.At("net/10.1.0.2"));
        int killed = 0;
        for (int i = 0; i < 80; i++)
        {
            if (KilledAfter(Plugin($"k{i}"), "ADD", TimeSpan.FromMicroseconds(i * 60)))
            {
                killed++;
            }

            foreach (string record in Records())
            {
                File.ReadAllText(_temp.At($"net/{record}")).Should().EndWith("\n", "a record is whole or not there");
            }

            Plugin($"k{i}").Del(Config).OrThrow();
            Files().Should().BeSubsetOf(["10.1.0.2", "attachments/other:eth0", "last", "lock"], $"killed after {i * 60} us");
        }
        killed.Should().BePositive("else this proves nothing");
        File.ReadAllText(_temp.At("net/10.1.0.2")).Should().Be(other);
        Plugin("next").Add(Config).OrThrow();
    }

    [Fact]
    public void A_DEL_killed_anywhere_is_finished_by_the_next_one()
    {
        int killed = 0;
        for (int i = 0; i < 60; i++)
        {
            Plugin($"k{i}").Add(Config).OrThrow();
            if (KilledAfter(Plugin($"k{i}"), "DEL", TimeSpan.FromMicroseconds(i * 60)))
            {
                killed++;
            }

            Plugin($"k{i}").Del(Config).OrThrow();
            Files().Should().BeEquivalentTo(["last", "lock"], $"killed after {i * 60} us");
        }
        killed.Should().BePositive("else this proves nothing");
    }

    [Fact]
    public void Version_looks_at_nothing_but_the_command()
    {
        CniAnswer answer = (Plugin("dummy") with { Netns = "dummy", IfName = "dummy/", Args = "dummy" }).Run(
            "VERSION",
            """{"cniVersion":"0.4.0"}"""
        );
        answer
            .OrThrow()
            .Json.GetProperty("supportedVersions")
            .EnumerateArray()
            .Select(v => v.GetString())
            .Should()
            .Contain("1.1.0")
            .And.Contain("0.3.1");
        Directory.GetFileSystemEntries(_temp.Path).Should().BeEmpty();
    }

    public void Dispose() => _temp.Dispose();

    private CniProcess Plugin(string container) =>
        new(RepoPaths.Program("twill-ipam"))
        {
            ContainerId = container,
            Netns = "/proc/self/ns/net",
            IfName = "eth0",
            Env = new Dictionary<string, string?> { ["TWILL_STATE_DIR"] = _temp.At("run") },
        };

    private static string AddressOf(CniAnswer answer) => answer.OrThrow().Json.GetProperty("ips")[0].GetProperty("address").GetString()!;

    private string[] Records() =>
        Directory.Exists(_temp.At("net")) ? [.. Directory.GetFiles(_temp.At("net"), "10.*").Select(f => Path.GetFileName(f)!)] : [];

    private string[] Files() =>
        [
            .. Directory
                .EnumerateFiles(_temp.At("net"), "*", SearchOption.AllDirectories)
                .Select(f => Path.GetRelativePath(_temp.At("net"), f)),
        ];

    /// <summary>Starts the plugin and kills it (SIGKILL) after this long; false when it had ended by then.</summary>
    private bool KilledAfter(CniProcess plugin, string command, TimeSpan delay)
    {
        var start = new ProcessStartInfo(plugin.Program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string? value) in plugin.Environment(command))
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Write(Config);
        process.StandardInput.Close();
        long sent = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(sent) < delay)
        {
            Thread.SpinWait(20);
        }

        process.Kill();
        process.WaitForExit();
        return process.ExitCode == 128 + 9;
    }
}
