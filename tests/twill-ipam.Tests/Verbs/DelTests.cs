using Twill.Testing;

namespace Twill.Ipam.Tests.Verbs;

public sealed class DelTests : IDisposable
{
    private readonly IpamBench _bench = new();

    [Fact]
    public void Del_frees_the_address_and_twice_is_fine()
    {
        _bench.Add(_bench.Fixed());
        foreach (int _ in Enumerable.Range(1, 2))
        {
            CniAnswer answer = _bench.Run("DEL", _bench.Fixed()).OrThrow();
            answer.Stdout.Should().BeEmpty();
            _bench.AllFiles.Should().Equal("last", "lock");
        }
    }

    [Fact]
    public void Del_of_one_leaves_the_others()
    {
        _bench.Add(_bench.Fixed(), "c1");
        _bench.Add(_bench.Fixed(), "c1", "eth1");
        _bench.Add(_bench.Fixed(), "c2");
        _bench.Run("DEL", _bench.Fixed(), "c1").OrThrow();
        _bench.Recorded.Should().Equal("10.1.2.3", "10.1.2.4");
    }

    [Fact]
    public void Del_before_any_ADD_makes_nothing()
    {
        _bench.Run("DEL", _bench.Fixed()).OrThrow();
        Directory.Exists(_bench.DataDir).Should().BeFalse();
    }

    [Theory]
    [InlineData("""{"type":"twill-ipam","subnet":"nonsense","dataDir":"DIR"}""")]
    [InlineData("""{"type":"twill-ipam","subnet":"10.99.0.0/30","dataDir":"DIR","rangeStart":7}""")]
    [InlineData("""{"type":"twill-ipam","network":"10.244.0.0/16","etcd":{"endpoints":["http://192.0.2.1:2379"]},"dataDir":"DIR"}""")]
    [InlineData("""{"type":"twill-ipam","etcd":"gone","dataDir":"DIR"}""")]
    [InlineData("""{"dataDir":"DIR"}""")]
    public void Del_needs_no_more_than_the_data_directory(string ipam)
    {
        _bench.Add(_bench.Fixed());
        string config =
            $$"""{"cniVersion":"0.4.0","name":"net","type":"bridge","ipam":{{ipam.Replace("DIR", _bench.DataDir, StringComparison.Ordinal)}}}""";
        _bench.Run("DEL", config, netns: null).OrThrow();
        _bench.Recorded.Should().BeEmpty();
    }

    [Theory]
    [InlineData("/run/netns/gone")]
    [InlineData("dummy")]
    public void Del_does_not_look_at_the_namespace(string netns)
    {
        _bench.Add(_bench.Fixed());
        _bench.Run("DEL", _bench.Fixed(), netns: netns).OrThrow();
        _bench.Recorded.Should().BeEmpty();
    }

    [Fact]
    public void A_killed_ADD_that_made_only_its_link_leaves_nothing_after_DEL()
    {
        _bench.Add(_bench.Fixed(), "other");
        Cmd.Sh($"ln -s ../10.1.2.3 {_bench.Records}/attachments/c1:eth0; echo x > {_bench.Records}/new");
        _bench.Run("DEL", _bench.Fixed()).OrThrow();
        _bench.AllFiles.Should().Equal("10.1.2.2", "attachments/other:eth0", "last", "lock");
    }

    [Fact]
    public void A_link_that_leads_to_anothers_record_frees_only_ones_own()
    {
        _bench.Add(_bench.Fixed(), "other");
        _bench.Add(_bench.Fixed(), "c1");
        Cmd.Sh($"ln -sfn ../10.1.2.2 {_bench.Records}/attachments/c1:eth0");
        _bench.Run("DEL", _bench.Fixed(), "c1").OrThrow();
        _bench.AllFiles.Should().Equal("10.1.2.2", "attachments/other:eth0", "last", "lock");
    }

    [Fact]
    public void A_torn_record_of_ones_own_is_freed()
    {
        _bench.Add(_bench.Fixed());
        File.WriteAllText($"{_bench.Records}/10.1.2.2", "container: c");
        _bench.Run("DEL", _bench.Fixed()).OrThrow();
        _bench.AllFiles.Should().Equal("last", "lock");
    }

    public void Dispose() => _bench.Dispose();
}
