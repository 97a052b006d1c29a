using System.ComponentModel;
using System.Diagnostics;

namespace Twill.Agent;

/// <summary>A program of the host that is asked something, or told to do something.</summary>
internal static class HelperProgram
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    /// <summary>Runs it.</summary>
    /// <returns>its exit code, and what it said; 127 when it cannot be run</returns>
    internal static async Task<(int ExitCode, string Output)> RunAsync(string program, string[] arguments, CancellationToken stop)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(s_limit);
        using Process process = new()
        {
            StartInfo = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        try
        {
            process.Start();
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token),
                errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            return (process.ExitCode, $"{await output.ConfigureAwait(false)}{await errors.ConfigureAwait(false)}".Trim());
        }
        catch (Win32Exception e)
        {
            return (127, e.Message);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            process.Kill(entireProcessTree: true);
            return (124, $"it has not ended within {s_limit.TotalSeconds} s");
        }
    }
}
