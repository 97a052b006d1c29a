using System.Threading.Channels;

namespace Twill.Agent.Tests;

public sealed class LoopSupervisorTests : IDisposable
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(20);

    private readonly LogCapture _capture = new();
    private readonly Channel<string?> _published = Channel.CreateUnbounded<string?>();
    private readonly CancellationTokenSource _stop = new();

    [Fact]
    public async Task An_error_in_the_program_is_logged_with_its_stack_published_and_the_loop_starts_again()
    {
        TaskCompletionSource again = new();
        int runs = 0;
        async Task Run(CancellationToken stop)
        {
            await Task.Yield();
            if (++runs == 1)
            {
                throw new InvalidOperationException("no such element");
            }

            again.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }

        Task supervised = Supervisor(probation: s_long).RunAsync(Run, _stop.Token);
        await again.Task.WaitAsync(s_long);

        _capture
            .Lines.Should()
            .ContainSingle()
            .Which.Should()
            .MatchRegex("Z critical twilld: .*lease " + "loop.*InvalidOperationException.*   at ");
        (await NextAsync()).Should().Be("System.InvalidOperationException: no such element");
        _published.Reader.TryRead(out _).Should().BeFalse("it has not run long enough to be taken for well");
        await StopAsync(supervised);
    }

    [Fact]
    public async Task The_error_is_over_when_the_loop_has_run_long_enough()
    {
        int runs = 0;
        async Task Run(CancellationToken stop)
        {
            await Task.Yield();
            if (++runs == 1)
            {
                throw new NullReferenceException();
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }

        Task supervised = Supervisor(probation: TimeSpan.FromMilliseconds(30)).RunAsync(Run, _stop.Token);

        (await NextAsync()).Should().StartWith("System.NullReferenceException");
        (await NextAsync()).Should().BeNull();
        await StopAsync(supervised);
    }

    [Fact]
    public async Task A_loop_that_is_stopped_is_no_error()
    {
        Task supervised = Supervisor(s_long).RunAsync(stop => Task.Delay(Timeout.InfiniteTimeSpan, stop), _stop.Token);

        await StopAsync(supervised);

        _capture.Lines.Should().BeEmpty();
    }

    [Fact]
    public async Task A_loop_that_stops_itself_starts_again()
    {
        TaskCompletionSource again = new();
        int runs = 0;
        Task Run(CancellationToken stop)
        {
            if (++runs == 1)
            {
                return Task.FromCanceled(new CancellationToken(canceled: true));
            }

            again.SetResult();
            return Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }

        Task supervised = Supervisor(s_long).RunAsync(Run, _stop.Token);

        await again.Task.WaitAsync(s_long);
        await StopAsync(supervised);
    }

    [Theory]
    [InlineData(typeof(IOException), true)]
    [InlineData(typeof(UnauthorizedAccessException), true)]
    [InlineData(typeof(NullReferenceException), false)]
    [InlineData(typeof(InvalidOperationException), false)]
    [InlineData(typeof(ArgumentException), false)]
    [InlineData(typeof(KeyNotFoundException), false)]
    public void Only_failures_of_the_world_around_are_conditions(Type type, bool expected) =>
        ExpectedFailure.Is((Exception)Activator.CreateInstance(type)!).Should().Be(expected);

    public void Dispose()
    {
        _stop.Dispose();
        _capture.Dispose();
    }

    private LoopSupervisor Supervisor(TimeSpan probation) =>
        new("lease", _capture.Log, _capture.Clock, message => _published.Writer.TryWrite(message))
        {
            Pause = TimeSpan.FromMilliseconds(10),
            Probation = probation,
        };

    private async Task<string?> NextAsync() => await _published.Reader.ReadAsync().AsTask().WaitAsync(s_long);

    private async Task StopAsync(Task supervised)
    {
        await _stop.CancelAsync();
        await FluentActions.Awaiting(() => supervised).Should().ThrowAsync<OperationCanceledException>();
    }
}
