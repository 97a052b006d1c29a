using Twill.Agent.Address;
using Twill.Agent.Attach;
using Twill.Agent.Conversions;
using Twill.Agent.Names;
using Twill.Agent.Support;
using Twill.Agent.Trace;
using Twill.Agent.Up;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>The operator's commands that <c>twill</c> hands over to this program.</summary>
internal static class OperatorCommands
{
    private const string Up = "up",
        Preflight = "preflight",
        Names = "names",
        Support = "support",
        Trace = "trace",
        Convert = "convert";

    /// <summary>Whether a command line is one of them.</summary>
    internal static bool Takes(string[] args) =>
        args
            is [
                Up or Preflight or Names or Support or Trace or Convert or AttachOptions.Attach or AttachOptions.Detach
                    or AddressOptions.Command,
                ..,
            ];

    /// <summary>Carries it out.</summary>
    /// <param name="args">the command line</param>
    /// <param name="state">where run-time state lives</param>
    /// <param name="version">this program's</param>
    /// <param name="stop">ends it early</param>
    /// <returns>whether nothing is left to do</returns>
    /// <exception cref="UsageException">the command line makes no sense, or the caller is not root</exception>
    /// <exception cref="IOException">it cannot be done</exception>
    internal static async Task<bool> RunAsync(string[] args, StateDir state, string version, CancellationToken stop)
    {
        string command = args[0];
        if (command == Names)
        {
            return await NamesCommand.RunAsync(args[1..], state, Console.Out, () => BecomeAsync(command, stop)).ConfigureAwait(false);
        }

        if (command == Convert)
        {
            return RunConvert(args[1..]);
        }

        if (command == Support)
        {
            SupportOptions support = SupportOptions.Parse(args[1..]);
            if (support.Help)
            {
                Console.Out.Write(SupportOptions.Usage);
                return true;
            }

            await BecomeAsync(command, stop).ConfigureAwait(false);
            await new SupportCommand(support, state, version, Console.Out).RunAsync(stop).ConfigureAwait(false);
            return true;
        }

        if (command == Trace)
        {
            TraceOptions trace = TraceOptions.Parse(args[1..]);
            if (trace.Help)
            {
                Console.Out.Write(TraceOptions.Usage);
                return true;
            }

            await BecomeAsync(command, stop).ConfigureAwait(false);
            return new TraceCommand(trace, state, Console.Out).Run();
        }

        if (command == AddressOptions.Command)
        {
            AddressOptions address = AddressOptions.Parse(args[1..]);
            if (address.Help)
            {
                Console.Out.Write(AddressOptions.Usage);
                return true;
            }

            await BecomeAsync(command, stop).ConfigureAwait(false);
            new AddressCommand(address, state, Console.Out).Run();
            return true;
        }

        if (command is AttachOptions.Attach or AttachOptions.Detach)
        {
            AttachOptions attach = AttachOptions.Parse(args);
            if (attach.Help)
            {
                Console.Out.Write(attach.Usage);
                return true;
            }

            await BecomeAsync(command, stop).ConfigureAwait(false);
            await new AttachCommand(attach, state, ContainerFinder.OfHost(), Console.Out).RunAsync(stop).ConfigureAwait(false);
            return true;
        }

        UpOptions options = UpOptions.Parse(args[1..], checksOnly: command == Preflight);
        if (options.Help)
        {
            Console.Out.Write(UpUsage.Of(options.ChecksOnly));
            return true;
        }

        await BecomeAsync(command, stop).ConfigureAwait(false);
        UpReport report = new(Console.Out, options.Json);
        return await new UpCommand(options, state, new MadeFiles(), report).RunAsync(stop).ConfigureAwait(false);
    }

    /// <summary>It looks at one file only: everybody may who can read that.</summary>
    private static bool RunConvert(string[] args)
    {
        ConvertOptions options = ConvertOptions.Parse(args);
        if (options.Help)
        {
            Console.Out.Write(ConvertOptions.Usage);
            return true;
        }

        return ConvertCommand.Run(options, Console.Out, Console.Error);
    }

    /// <summary>Who looks for the agent's process looks for its name, and this is none.</summary>
    private static async Task BecomeAsync(string command, CancellationToken stop)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new UsageException($"'{command}' needs root: it looks at this host's configuration and state");
        }

        await File.WriteAllTextAsync("/proc/self/comm", $"twill {command}", stop).ConfigureAwait(false);
    }
}
