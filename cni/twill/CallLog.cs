using System.Text;
using Microsoft.Win32.SafeHandles;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Plugin;

/// <summary>
/// The file that <c>logFile</c> names: a line for each call, and how it ended. Runtimes often keep no plugin's errors. At 1 MiB it becomes
/// <c>FILE.1</c>, in the place of the former one.
/// <code>
/// 2026-01-31T03:04:05.678Z ADD 4f2c.. eth0 twill 4.2 ms
/// 2026-01-31T03:04:06.789Z ADD 91aa.. eth0 twill 3.1 ms, error 11: no free address: ...
/// </code>
/// </summary>
internal static class CallLog
{
    private const long MostBytes = 1 << 20;
    private const int MostText = 1000; // characters of an error

    /// <summary>Writes the line of a call, if its configuration names a file.</summary>
    /// <param name="outcome">The call.</param>
    /// <param name="microseconds">What it took.</param>
    /// <exception cref="IOException">The file cannot be written; the call is not changed by that.</exception>
    public static void Write(CniOutcome outcome, long microseconds)
    {
        CniRequest call = outcome.Request;
        if (TwillConf.LogFileOf(call.Config) is not { } path)
        {
            return;
        }

        string error = outcome.Error is { } known
            ? $", error {outcome.Code}: {ForeignText.Shown($"{known.Message}: {known.Details}", MostText)}"
            : outcome.Code > 0 ? $", error {outcome.Code}" : "";
        string attachment = call.Verb is CniVerb.Add or CniVerb.Del or CniVerb.Check ? $" {call.ContainerId} {call.IfName}" : "";
        DateTime now = DateTime.UtcNow; // its parts by hand: what formats dates is 130 kB
        string time = $"{now.Year:D4}-{now.Month:D2}-{now.Day:D2}T{now.Hour:D2}:{now.Minute:D2}:{now.Second:D2}.{now.Millisecond:D3}Z",
            line = $"{time} {call.Verb.Name()}{attachment} {call.NetworkName} "
                + $"{microseconds / 1000}.{microseconds / 100 % 10} ms{error}\n";
        using SafeFileHandle file = Open(path);
        Libc.WriteAll(file, Encoding.UTF8.GetBytes(line), path);
    }

    private static SafeFileHandle Open(string path)
    {
        SafeFileHandle file = Libc.OpenToAppend(path);
        try
        {
            if (RandomAccess.GetLength(file) < MostBytes)
            {
                return file;
            }

            // One call renames it. Others go on with what they have opened.
            if (Libc.Lock(file, wait: false, path) && Libc.IsStillNamed(file, path))
            {
                Libc.TryRename(path, path + ".1");
            }

            Libc.Unlock(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        file.Dispose();
        return Libc.OpenToAppend(path);
    }
}
