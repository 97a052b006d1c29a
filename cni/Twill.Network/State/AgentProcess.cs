using Twill.System;

namespace Twill.Network.State;

/// <summary>The agent's process, as /proc has it.</summary>
public static class AgentProcess
{
    /// <summary>
    /// The agent's process: that of <paramref name="expected"/> if it is one, else any of that name in this network namespace: in a
    /// container it knows itself by another number. Null: none runs.
    /// </summary>
    public static int? Find(int? expected)
    {
        NetnsIdentity? here = NetnsIdentity.OfPath("/proc/self/ns/net");
        if (expected is int pid && IsAgent($"/proc/{pid}", here))
        {
            return pid;
        }

        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            if (char.IsAsciiDigit(process["/proc/".Length]) && IsAgent(process, here))
            {
                return int.Parse(process.AsSpan("/proc/".Length));
            }
        }
        return null;
    }

    private static bool IsAgent(string process, NetnsIdentity? netns)
    {
        try
        {
            return TextFile.ReadAll($"{process}/comm") == "twilld\n"
                && NetnsIdentity.OfPath($"{process}/ns/net") == netns
                && !IsDead(process);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // it has just ended
        }
    }

    /// <summary>Ended, but not yet taken note of by its parent.</summary>
    private static bool IsDead(string process)
    {
        string stat = TextFile.ReadAll($"{process}/stat");
        return stat.AsSpan(stat.LastIndexOf(')') + 1).TrimStart() is ['Z' or 'X', ..];
    }
}
