using System.Diagnostics;
using Twill.Cni;
using Twill.Network.State;
using Twill.Plugin.Verbs;

namespace Twill.Plugin;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        long start = Stopwatch.GetTimestamp();
        CniProcess process = new();
        CniVerbTable verbs = Table(process, arguments);
        verbs.Ended = outcome => Tell(outcome, start, process);
        return CniPlugin.Run(verbs, process);
    }

    private static void Tell(CniOutcome outcome, long start, CniProcess process)
    {
        long microseconds = (Stopwatch.GetTimestamp() - start) / (Stopwatch.Frequency / 1_000_000);
        Count(outcome, microseconds);
        try
        {
            CallLog.Write(outcome, microseconds);
        }
        catch (IOException e)
        {
            process.WriteStderr($"cannot write the file that $.logFile names: {e.Message}");
        }
    }

    /// <summary>For the agent's metrics: two system calls while it reads, else one.</summary>
    private static void Count(CniOutcome outcome, long microseconds)
    {
        PluginCall call = new(
            outcome.Request.Verb,
            (ushort)Math.Min(outcome.Code, ushort.MaxValue),
            (uint)Math.Min(microseconds, uint.MaxValue)
        );
        try
        {
            call.Tell(StateDir.From(outcome.Request.Environment).Existing(outcome.Request.NetworkName));
        }
        catch (CniException)
        {
            // No such state directory can be, as the runtime was told.
        }
    }

    /// <summary>VERSION is the dispatcher's own.</summary>
    internal static CniVerbTable Table(ICniProcess process, string[] arguments) =>
        new()
        {
            [CniVerb.Add] = Add.Run,
            [CniVerb.Del] = Del.Run,
            [CniVerb.Check] = Check.Run,
            [CniVerb.Gc] = Gc.Run,
            [CniVerb.Status] = Status.Run,
            Translate = ErrorMapping.Translate,
            WithoutCommand = () => Usage.Print(process, arguments),
        };
}
