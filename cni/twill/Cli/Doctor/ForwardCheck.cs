using Twill.Host.Forwarding;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>Other programs' chains at the forward hook, which may drop what our own table accepts.</summary>
internal static class ForwardCheck
{
    private const string Name = "forward chains";

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        if (!network.IsOurs)
        {
            return;
        }

        to.Look(
            Name,
            () =>
            {
                foreach (ForwardObstacle obstacle in ForwardPaths.Obstacles(host.Route, network.Conf, network.Node))
                {
                    string remedy =
                        obstacle.IsMendedByUs && network.Agent is { Pid: not null, ReportAge: <= AgentStatus.Stale }
                            ? "twilld mends this within a second; if it stays, its log says why (journalctl -u twilld)"
                            : obstacle.Remedy;
                    if (!obstacle.IsCertain)
                    {
                        to.Warn(Name, obstacle.Text, remedy);
                    }
                    else if (obstacle.IsMendedByUs)
                    {
                        to.Fail(Name, $"{obstacle.Text}; the next container brings the accept, or the agent does", remedy);
                    }
                    else
                    {
                        to.Fail(Name, obstacle.Text, remedy);
                    }
                }
            },
            () => "no other program's firewall drops containers' packets"
        );
    }
}
