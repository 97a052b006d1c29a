using System.Text;

namespace Twill.Agent.Tests;

public sealed class ConditionTests : IDisposable
{
    private readonly ManualClock _clock = new();
    private readonly MemoryStream _output = new();
    private readonly List<string?> _published = [];
    private readonly Condition _etcd;

    public ConditionTests() =>
        _etcd = new Condition(new Log(_output, LogLevel.Info, LogFormat.Text, _clock), _clock, "etcd", _published.Add);

    private string[] Lines => Encoding.UTF8.GetString(_output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    [Fact]
    public void The_same_failure_is_told_once_then_ever_more_rarely()
    {
        for (int second = 0; second < 600; second++)
        {
            _etcd.Raise("unreachable");
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Lines.Should().HaveCount(4, "it is told at 0, 1, 3 and 7 minutes");
        Lines[0].Should().EndWith("etcd: unreachable");
        Lines[2].Should().EndWith("etcd, for 3 min: unreachable");
    }

    [Fact]
    public void Another_failure_is_told_at_once()
    {
        _etcd.Raise("unreachable");
        _etcd.Raise("wrong password");

        Lines.Should().HaveCount(2);
        _etcd.Message.Should().Be("wrong password");
    }

    [Fact]
    public void Two_failures_in_turn_are_told_once_each()
    {
        for (int i = 0; i < 10; i++)
        {
            _etcd.Raise("no answer from one");
            _etcd.Raise("no answer from two");
        }

        Lines.Should().HaveCount(2);
    }

    [Fact]
    public void Its_end_is_told_with_how_long_it_lasted()
    {
        _etcd.Raise("unreachable");
        _clock.Advance(TimeSpan.FromSeconds(12.5));
        _etcd.Resolve();
        _etcd.Resolve();

        Lines.Should().HaveCount(2);
        Lines[1].Should().EndWith("info twilld: etcd: well again after 12.5 s");
        _etcd.Message.Should().BeNull();
    }

    [Fact]
    public void Only_a_new_state_is_published()
    {
        _etcd.Resolve();
        _etcd.Raise("unreachable");
        _etcd.Raise("unreachable");
        _etcd.Raise("wrong password");
        _etcd.Resolve();

        _published.Should().Equal("unreachable", "wrong password", null);
    }

    public void Dispose() => _output.Dispose();
}
