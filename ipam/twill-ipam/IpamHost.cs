using Twill.Cni;
using Twill.Network.State;

namespace Twill.Ipam;

/// <summary>What the verbs need of the machine they run on.</summary>
/// <param name="State">where run-time state lives</param>
/// <param name="Clock">boot and time</param>
/// <param name="Log">takes a line for the operator: what was found broken, what was mended</param>
internal sealed record IpamHost(StateDir State, IBootClock Clock, Action<string> Log)
{
    /// <summary>The machine itself.</summary>
    public static IpamHost Of(ICniProcess process) =>
        new(StateDir.From(process.Environment), new SystemBootClock(), process.WriteStderr) { IsAwaited = () => process.IsAwaited };

    /// <summary>Whether the main plugin still waits for the answer.</summary>
    public Func<bool> IsAwaited { get; init; } = () => true;

    /// <summary>
    /// Ends the call of a main plugin that was killed meanwhile. To be asked with the store's lock held, before the first change: the
    /// runtime has seen the plugin end, and its next call about the container waits for the lock, or has had it. What this process did
    /// after that call would never be undone: an ADD's address would stay, a DEL could free what a new ADD was just given.
    /// </summary>
    /// <exception cref="CniException">code 11, read by nobody</exception>
    public void ThrowIfCallerGone()
    {
        if (!IsAwaited())
        {
            throw new CniException(
                CniErrorCode.TryAgainLater,
                "nobody waits for the answer any more",
                "the plugin that asked has ended; nothing was changed"
            );
        }
    }

    /// <summary>When the machine was booted, on the wall clock.</summary>
    public DateTime Booted => DateTime.UtcNow.AddSeconds(-Clock.Now);
}
