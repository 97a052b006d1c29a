using Twill.Testing;

namespace Twill.EndToEnd.Tests.WireGuard;

/// <summary>wireguard-go on hosts whose kernel has no WireGuard, started as conf/twill-wireguard@.service has it.</summary>
internal sealed class WireGuardPrograms : IDisposable
{
    private readonly Dictionary<LabHost, Daemon> _programs = [];
    private readonly TempDir _directory = TempDir.Create();

    /// <summary>Starts it for a device of that name, and waits until it serves.</summary>
    internal void Start(LabHost host, string device = WireGuardCluster.Device)
    {
        string unit = File.ReadAllText(Path.Combine(RepoPaths.Conf, "twill-wireguard@.service"));
        string command = unit.Split('\n')
            .Single(line => line.StartsWith("ExecStart=", StringComparison.Ordinal))
            .Split('=', 2)[1]
            .Replace("%i", device);
        Daemon program = Daemon.Start("wireguard-go", [.. host.Enter, .. Cmd.Split(command)], _directory.At($"{host.Name}.log"));
        _programs[host] = program;
        WireGuardGo.WaitUntilServes(host, device, program);
    }

    /// <summary>Ends it, and with it the device.</summary>
    internal void End(LabHost host)
    {
        _programs[host].Stop();
        Eventually.True("the device is gone", () => !host.HasLink(WireGuardCluster.Device));
    }

    public void Dispose()
    {
        foreach (Daemon program in _programs.Values)
        {
            program.Dispose();
        }

        _directory.Dispose();
    }
}
