namespace Twill.Plugin.Cli;

/// <summary>What <c>--help</c> says for each command.</summary>
internal static class CliHelp
{
    private const string Common = """
          --network NAME    only this network; all of this host's unless told
          --conf-dir DIR    where network configurations are (/etc/cni/net.d); may be one file
          --json            for programs: one JSON document
          --help            this text

        """;

    private const string ExitCodes = """
        Exit code: 0 all is well, 1 something is not, 2 the command line makes no sense (or the caller is not root).

        """;

    public static string Of(string command) =>
        command switch
        {
            Commands.Status => $"""
                twill status: each network of this host: subnets, addresses, lease, agent, peers.

                {Common}
                {ExitCodes}
                """,
            Commands.Peers => $"""
                twill peers: the subnets of other hosts, one line each, as this host's kernel has them: the route to the subnet, and with
                VXLAN the neighbour entry (its next hop's hardware address) and the FDB entry (the host that address is behind).

                {Common}
                {ExitCodes}
                """,
            Commands.Doctor => $"""
                twill doctor: looks for whatever may keep containers from reaching each other, and says what to do about it. Changes nothing.

                {Common}
                {ExitCodes}
                """,
            _ => $"""
                twill cleanup: removes what twill made on this host: host ends, overlay device, routes, bridge, nftables table, run-time state.
                Without --yes it only says what it would remove. Networks that no configuration names any more are found as well.
                Stop the agent first. etcd is not touched; which keys remain there is said, and how
                twilld --release gives them back.

                  --yes             do it
                  --addresses       remove the address records too
                  --force           also while containers are attached: they lose their network
                {Common}
                Exit code: 0 done (or said what would be), 1 refused or not everything could be removed, 2 the command line makes no sense.

                """,
        };
}
