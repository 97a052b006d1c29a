using System.Runtime.InteropServices;
using Twill.Agent.Attach;
using Twill.Agent.Docker;
using Twill.Agent.Install;
using Twill.Cni;
using Twill.Linux;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

internal static class Program
{
    private const int Good = 0,
        NotInOrder = 1,
        Usage = 2;

    private static async Task<int> Main(string[] args)
    {
        if (OperatorCommands.Takes(args))
        {
            return await OperateAsync(args).ConfigureAwait(false);
        }

        AgentOptions options;
        StateDir state;
        try
        {
            options = AgentOptions.Parse(args);
            state = StateDir.From(StateVariable());
        }
        catch (Exception e) when (e is UsageException or CniException)
        {
            Console.Error.WriteLine($"twilld: {e.Message} (twilld --help shows what there is)");
            return Usage;
        }

        if (options.Help || options.Version)
        {
            Console.Out.WriteLine(options.Help ? AgentOptions.Usage : $"twilld {VersionText}");
            return Good;
        }

        return options.Install is { } to ? Install(options, to) : await ServeAsync(options, state).ConfigureAwait(false);
    }

    private static int Install(AgentOptions options, string to)
    {
        Log log = LogOf(options);
        try
        {
            new Installer(log).Run(Path.GetDirectoryName(Environment.ProcessPath)!, to, options.InstallFiles);
            return Good;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Error(e.Message);
            return NotInOrder;
        }
    }

    private static Log LogOf(AgentOptions options) =>
        new(Console.OpenStandardError(), options.LogLevel, options.LogFormat, TimeProvider.System)
        {
            IsJournal = Journal.IsStandardError(Environment.GetEnvironmentVariable("JOURNAL_STREAM")),
        };

    private static async Task<int> OperateAsync(string[] args)
    {
        string name = $"twill {args[0]}";
        using CancellationTokenSource stop = new();
        using PosixSignalRegistration onTerm = StopOn(PosixSignal.SIGTERM, stop),
            onInt = StopOn(PosixSignal.SIGINT, stop);
        try
        {
            StateDir state = StateDir.From(StateVariable());
            return await OperatorCommands.RunAsync(args, state, VersionText, stop.Token).ConfigureAwait(false) ? Good : NotInOrder;
        }
        catch (Exception e) when (e is UsageException or CniException)
        {
            Console.Error.WriteLine($"{name}: {e.Message} ({name} --help shows what there is)");
            return Usage;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Console.Error.WriteLine($"{name}: interrupted; the same command again goes on from here");
            return NotInOrder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{name}: {e.Message}");
            return NotInOrder;
        }
    }

    private static async Task<int> ServeAsync(AgentOptions options, StateDir state)
    {
        StateDir.SetPrivateUmask();
        Sysctl.WriteDirectory = options.SysctlDir;
        Log log = LogOf(options);
        using CancellationTokenSource stop = new();
        using PosixSignalRegistration onTerm = StopOn(PosixSignal.SIGTERM, stop),
            onInt = StopOn(PosixSignal.SIGINT, stop);
        SystemdNotifier systemd = new(Environment.GetEnvironmentVariable("NOTIFY_SOCKET"), log);
        TimeSpan? watchdog = SystemdNotifier.WatchdogPeriod(
            Environment.GetEnvironmentVariable("WATCHDOG_USEC"),
            Environment.GetEnvironmentVariable("WATCHDOG_PID")
        );
        Networks networks = new(options, state, systemd, watchdog, log);
        using PosixSignalRegistration onHup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            networks.Reload();
        });
        try
        {
            if (options.Release)
            {
                return await new Release(options, state, log).RunAsync(stop.Token).ConfigureAwait(false) ? Good : NotInOrder;
            }

            if (options.Once)
            {
                return await networks.RunOnceAsync(stop.Token).ConfigureAwait(false) ? Good : NotInOrder;
            }

            Action<string?> Failure(string option) => message => networks.TakeFailure(option, message);
            Task listening = options.Listen is { } at
                ? new StatusListener(at, path => Answer(path, networks), log, Failure("--listen")).RunAsync(stop.Token)
                : Task.CompletedTask;
            Task docker = options.Docker
                ? DockerService.Create(options, state, log, Failure("--docker")).RunAsync(stop.Token)
                : Task.CompletedTask;
            Task attached = new AttachedSweep(state, log, Failure("attached containers")).RunAsync(stop.Token);
            await networks.RunAsync(stop.Token).ConfigureAwait(false);
            await listening.ConfigureAwait(false);
            await docker.ConfigureAwait(false);
            await attached.ConfigureAwait(false);
            return Good;
        }
        catch (LibcException e) when (e.Errno is Errno.EPERM or Errno.EACCES)
        {
            log.Error($"{e.Message}: twilld needs CAP_NET_ADMIN (CapabilityBoundingSet= of its unit) in the host's own network namespace");
            return NotInOrder;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return NotInOrder; // --once or --release, told to stop before it was done
        }
    }

    private static StatusAnswer Answer(string path, Networks networks)
    {
        switch (path)
        {
            case "/metrics":
                return new StatusAnswer(200, PrometheusText.Write(networks.Metrics(), VersionText, DateTimeOffset.UtcNow));
            case "/healthz":
                List<string> reasons = networks.UnhealthyReasons();
                if (reasons.Count > 0)
                {
                    return new StatusAnswer(503, string.Join('\n', reasons) + "\n");
                }

                List<string> notes = networks.Notes();
                return new StatusAnswer(200, notes.Count == 0 ? "ok\n" : string.Join('\n', notes) + "\n");
            default:
                return new StatusAnswer(404, "there are /metrics and /healthz\n");
        }
    }

    private static string VersionText => typeof(Program).Assembly.GetName().Version?.ToString(3) ?? "";

    private static PosixSignalRegistration StopOn(PosixSignal signal, CancellationTokenSource stop) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            stop.Cancel();
        });

    private static Dictionary<string, string> StateVariable() =>
        Environment.GetEnvironmentVariable(StateDir.Variable) is { } root ? new() { [StateDir.Variable] = root } : [];
}
