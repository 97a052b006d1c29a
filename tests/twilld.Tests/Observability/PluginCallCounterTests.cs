using Twill.Cni;
using Twill.Network.State;
using Twill.Testing;

namespace Twill.Agent.Tests;

public sealed class PluginCallCounterTests : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();
    private readonly NetworkStateDir _state;

    public PluginCallCounterTests() => _state = new StateDir(_directory.Path).Network("pods");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Calls_are_counted_by_verb_and_code_and_how_long_they_took()
    {
        using PluginCallCounter counter = new(_state);
        Tell(CniVerb.Add, 0, 2_000);
        Tell(CniVerb.Add, 0, 2_500);
        Tell(CniVerb.Add, 11, 20_000_000);
        Tell(CniVerb.Del, 0, 6_000);

        IReadOnlyList<PluginCalls> calls = counter.Read();

        calls.Select(c => c.Verb).Should().Equal("ADD", "DEL");
        calls[0].Codes.Should().Equal(("0", 2), ("11", 1));
        calls[0].Buckets[0].Should().Be(2);
        calls[0].Buckets[^1].Should().Be(1);
        calls[0].Buckets.Should().HaveCount(PluginCallCounter.Bounds.Count + 1);
        calls[0].Seconds.Should().BeApproximately(20.0045, 1e-9);
        calls[1].Buckets[2].Should().Be(1);
        counter.Read()[0].Codes.Should().Equal([("0", 2), ("11", 1)], "each is counted once");
    }

    [Fact]
    public void Codes_beyond_the_most_are_counted_together()
    {
        using PluginCallCounter counter = new(_state);
        Write([.. Enumerable.Range(0, 100).SelectMany(code => new byte[] { (byte)CniVerb.Add, 0, (byte)code, 0, 1, 0, 0, 0 })]);

        IReadOnlyList<(string Code, long Count)> codes = counter.Read()[0].Codes;

        codes.Should().HaveCount(PluginCallCounter.MostCodes + 1);
        codes.Should().Contain(("other", 100 - PluginCallCounter.MostCodes));
    }

    [Fact]
    public void While_nobody_reads_and_when_the_pipe_is_full_a_call_does_not_wait()
    {
        Tell(CniVerb.Add, 0, 1);
        Directory.GetFiles(_state.Path).Should().BeEmpty();
        using PluginCallCounter counter = new(_state);
        Write(new byte[PluginCall.Size * 8_192]); // as many ADDs
        Tell(CniVerb.Add, 0, 1);

        counter.Read()[0].Codes[0].Count.Should().Be(8_192);
        Tell(CniVerb.Add, 0, 1);
        counter.Read()[0].Codes[0].Count.Should().Be(8_193);
    }

    [Fact]
    public void Bytes_that_are_no_call_are_passed_over_and_what_a_former_agent_left_is_replaced()
    {
        File.WriteAllText(Path.Combine(_state.Path, "calls"), "no pipe");
        using PluginCallCounter counter = new(_state);
        Write([200, 0, 0, 0, 1, 0, 0, 0, (byte)CniVerb.Gc, 0, 5, 0, 1, 0, 0, 0]);

        counter.Read().Single().Should().BeEquivalentTo(new { Verb = "GC", Codes = new[] { ("5", 1L) } });
    }

    private void Write(byte[] bytes)
    {
        using FileStream pipe = new(Path.Combine(_state.Path, "calls"), FileMode.Open, FileAccess.Write);
        pipe.Write(bytes);
    }

    private void Tell(CniVerb verb, ushort code, uint microseconds) => new PluginCall(verb, code, microseconds).Tell(_state);
}
