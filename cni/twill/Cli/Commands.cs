using System.Text;
using Twill.Cni;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>
/// The operator's commands. They look at the kernel and at files, never at etcd: what they say of it is what the agent and the IPAM
/// plugin wrote down. Others are carried out by the agent's program (<see cref="AgentCommands"/>).
/// </summary>
internal static class Commands
{
    /// <summary>Exit codes: all is well, or what was asked for is done.</summary>
    public const int Fine = 0;

    /// <summary>Something is not as it should be, or could not be done.</summary>
    public const int Problems = 1;

    /// <summary>The command line makes no sense, or the caller is not root.</summary>
    public const int BadUsage = 2;

    public const string Status = "status",
        Peers = "peers",
        Doctor = "doctor",
        Cleanup = "cleanup";

    /// <summary>What twilld carries out.</summary>
    public const string Up = "up",
        Preflight = "preflight",
        Names = "names",
        Support = "support",
        Trace = "trace",
        Convert = "convert",
        Attach = "attach",
        Detach = "detach",
        Address = "address";

    public static bool Exists(string word) => word is Status or Peers or Doctor or Cleanup;

    public static int Run(ICniProcess process, string[] arguments)
    {
        if (arguments is [Up or Preflight or Names or Support or Trace or Convert or Attach or Detach or Address, ..])
        {
            return AgentCommands.Run(process, arguments);
        }

        try
        {
            CliOptions options = CliOptions.Parse(arguments);
            if (options.Help)
            {
                process.WriteStdout(Encoding.UTF8.GetBytes(CliHelp.Of(options.Command)));
                return Fine;
            }
            if (!Terminal.IsRoot)
            {
                throw new UsageException($"'{options.Command}' needs root: run-time state and address records are for root's eyes only");
            }

            return Run(process, options);
        }
        catch (UsageException e)
        {
            process.WriteStderr($"twill: {e.Message}; --help says what there is");
            return BadUsage;
        }
        catch (Exception e)
        {
            process.WriteStderr($"twill: {ErrorMapping.AsCni(e).Text}");
            return Problems;
        }
    }

    private static int Run(ICniProcess process, CliOptions options)
    {
        ConsoleOutput screen = new(!options.Json && Terminal.TakesColours(process));
        using HostView host = HostView.Open(process, options);
        int code = options.Command switch
        {
            Status => StatusCommand.Run(host, options, screen),
            Peers => PeersCommand.Run(host, options, screen),
            Doctor => Cli.Doctor.DoctorCommand.Run(host, options, screen),
            _ => CleanupCommand.Run(host, options, screen),
        };
        process.WriteStdout(screen.Bytes);
        return code;
    }
}
