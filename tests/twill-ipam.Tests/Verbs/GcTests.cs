using Twill.Testing;

namespace Twill.Ipam.Tests.Verbs;

public sealed class GcTests : IDisposable
{
    private readonly IpamBench _bench = new();

    [Fact]
    public void Addresses_of_attachments_not_listed_are_freed_and_no_others()
    {
        foreach (string c in new[] { "c1", "c2", "c3" })
        {
            _bench.Add(_bench.Fixed(), c);
        }

        _bench.Add(_bench.Fixed(), "c2", "eth1");
        Gc("""[{"containerID":"c2","ifname":"eth0"},{"containerID":"never","ifname":"eth0"}]""").OrThrow().Stdout.Should().BeEmpty();
        _bench.AllFiles.Should().Equal("10.1.2.3", "attachments/c2:eth0", "last", "lock");
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("null")]
    public void An_empty_list_frees_all(string list)
    {
        _bench.Add(_bench.Fixed());
        Gc(list).OrThrow();
        _bench.Recorded.Should().BeEmpty();
    }

    [Fact]
    public void A_missing_list_is_refused_and_frees_nothing()
    {
        _bench.Add(_bench.Fixed());
        CniAnswer answer = _bench.Run("GC", _bench.Fixed(), netns: null);
        answer.ErrorCode.Should().Be(7);
        answer.ErrorText.Should().Contain("cni.dev/valid-attachments");
        _bench.Recorded.Should().HaveCount(1);
    }

    [Fact]
    public void The_older_name_of_the_list_counts_as_well()
    {
        _bench.Add(_bench.Fixed(), "c1");
        _bench.Add(_bench.Fixed(), "c2");
        _bench.Run("GC", _bench.Fixed(top: ""","cni.dev/attachments":[{"containerID":"c2","ifname":"eth0"}]"""), netns: null).OrThrow();
        _bench.Recorded.Should().Equal("10.1.2.3");
    }

    [Fact]
    public void Another_networks_addresses_are_left_alone()
    {
        _bench.Add(_bench.Fixed());
        string other = _bench.Fixed().Replace("\"net\"", "\"other\"", StringComparison.Ordinal);
        _bench.Add(other, "c2");
        Gc("[]").OrThrow();
        File.Exists($"{_bench.DataDir}/other/10.1.2.2").Should().BeTrue();
    }

    [Fact]
    public void Torn_files_and_stale_links_go_unless_a_listed_attachment_leads_to_them()
    {
        _bench.Add(_bench.Fixed(), "c1");
        _bench.Add(_bench.Fixed(), "c2");
        File.WriteAllText($"{_bench.Records}/10.1.2.2", "");
        File.WriteAllText($"{_bench.Records}/10.1.2.3", "");
        File.WriteAllText($"{_bench.Records}/vtep-mac", "02:00:00:00:00:01\n");
        Cmd.Sh($"ln -s ../10.1.2.9 {_bench.Records}/attachments/gone:eth0");
        Gc("""[{"containerID":"c2","ifname":"eth0"}]""").OrThrow();
        _bench.AllFiles.Should().Equal("10.1.2.3", "attachments/c2:eth0", "last", "lock", "vtep-mac");
        _bench.Log.Should().Contain(l => l.Contains("10.1.2.2: not an address record"));
    }

    [Fact]
    public void Gc_before_any_ADD_is_fine()
    {
        Gc("[]").OrThrow();
        Directory.Exists(_bench.DataDir).Should().BeFalse();
    }

    public void Dispose() => _bench.Dispose();

    private CniAnswer Gc(string list) => _bench.Run("GC", _bench.Fixed(top: $$""","cni.dev/valid-attachments":{{list}}"""), netns: null);
}
