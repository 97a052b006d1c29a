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
                foreach (BlockingChain chain in ForwardPaths.FindBlockingChains(host.Route, network.Conf, network.Node))
                {
                    string remedy =
                        chain.IsMendedByUs && network.Agent.Condition == AgentCondition.Reporting
                            ? "twilld mends this within a second; if it stays, its log says why (journalctl -u twilld)"
                            : chain.Remedy;
                    if (!chain.IsCertain)
                    {
                        to.Warn(Name, chain.Text, remedy);
                    }
                    else if (chain.IsMendedByUs)
                    {
                        to.Fail(Name, $"{chain.Text}; the next container brings the accept, or the agent does", remedy);
                    }
                    else
                    {
                        to.Fail(Name, chain.Text, remedy);
                    }
                }
            },
            () => "no other program's firewall drops containers' packets"
        );
    }
}
