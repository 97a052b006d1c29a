using Twill.Testing;

namespace Twill.EndToEnd.Tests.Verbs;

/// <summary>
/// A twill-ipam of a test's that stops where the test wants it to and then lets the real one go on: so an ADD or a GC can be held in the
/// middle for as long as the test looks.
/// </summary>
internal sealed class HeldIpam
{
    private const string Directory = "/run/held",
        Script =
            """
                #!/bin/sh
                stop() {
                    [ -e "/run/held/stop-$1" ] || return 0
                    echo $PPID > "/run/held/$$"
                    mv "/run/held/$$" "/run/held/at-$1.$CNI_CONTAINERID"
                    while [ -e "/run/held/stop-$1" ]; do sleep 0.02; done
                }
                case $CNI_COMMAND in
                ADD)
                    stop before-ADD
                    answer=$(/opt/cni/bin/twill-ipam) || { echo "$answer"; exit 1; }
                    stop after-ADD
                    echo "$answer" ;;
                *)
                    stop "before-$CNI_COMMAND"
                    exec /opt/cni/bin/twill-ipam ;;
                esac
                """;

    private readonly LabHost _host;

    internal HeldIpam(LabHost host)
    {
        _host = host;
        _host.Write($"{Directory}/twill-ipam", Script);
        _host.Sh($"chmod 755 {Directory}/twill-ipam");
    }

    /// <summary>The plugin, with this one as its IPAM plugin.</summary>
    internal CniProcess Plugin(LabContainer? container = null) =>
        _host.Plugin("twill", container) with
        {
            PluginPath = $"{Directory}:/opt/cni/bin",
            Timeout = TimeSpan.FromMinutes(1),
        };

    /// <summary>From now on calls stop at a place: before-ADD (no address yet), after-ADD (it has one), before-GC.</summary>
    internal void Stop(string place) => _host.Write($"{Directory}/stop-{place}", "");

    /// <summary>Waits until so many calls have stopped there.</summary>
    internal void WaitFor(string place, int calls) =>
        Eventually.True(
            $"{calls} calls are at {place}",
            () => global::System.IO.Directory.GetFiles(_host.At(Directory), $"at-{place}.*").Length == calls,
            TimeSpan.FromSeconds(30)
        );

    /// <summary>Kills (SIGKILL) the main plugin of a container's call that has stopped there.</summary>
    internal void KillCaller(string place, LabContainer container) => _host.Sh($"kill -9 $(cat {Directory}/at-{place}.{container.Name})");

    /// <summary>Lets all of them go on.</summary>
    internal void Go(string place) => File.Delete(_host.At($"{Directory}/stop-{place}"));
}
