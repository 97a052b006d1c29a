using Twill.Cni;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>Commands for which this program, which asks no etcd and stays small, becomes <c>twilld</c>.</summary>
internal static class AgentCommands
{
    private const string Program = "twilld";

    /// <summary>Hands the command line over.</summary>
    /// <returns>the exit code, when there is nobody to hand it over to</returns>
    public static int Run(ICniProcess process, string[] arguments)
    {
        string beside = Path.GetDirectoryName(Environment.ProcessPath) ?? "/opt/cni/bin";
        string[] path = process.Environment.GetValueOrDefault("PATH", "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        foreach (string directory in (string[])[beside, .. path])
        {
            string program = Path.Combine(directory, Program);
            if (File.Exists(program))
            {
                Errno error = Libc.Become(program, arguments);
                process.WriteStderr($"twill: {program}, which carries out '{arguments[0]}', cannot be run: {ErrnoText.Of(error)}");
                return Commands.Problems;
            }
        }

        process.WriteStderr(
            $"twill: '{arguments[0]}' is carried out by {Program}, which is neither in {beside} nor in PATH: install all of the package"
        );
        return Commands.Problems;
    }
}
