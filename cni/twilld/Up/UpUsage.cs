namespace Twill.Agent.Up;

/// <summary>What <c>--help</c> says of <c>twill up</c> and <c>twill preflight</c>.</summary>
internal static class UpUsage
{
    private const string OfNetwork = """
          --etcd URLS         where etcd is: http:// or https:// URLs with commas between them, the same on all hosts
          --single            a network of this host alone, without etcd
          --cidr CIDR         the network's addresses (default: what etcd says, else 10.244.0.0/16; with --single 10.244.0.0/24)
          --ipv6-cidr CIDR    IPv6 addresses beside them (default: what etcd says, else none)
          --backend TYPE      how hosts are joined: vxlan, host-gw or wireguard (default: what etcd says, else vxlan)
          --vni NUMBER        with vxlan: the network's number, another one for each network of a host (default 1)
          --port PORT         the UDP port between hosts (default 4789 with vxlan, 51820 with wireguard)
          --network NAME      the network's name (default twill)
          --interface NAME    the interface, address or network that leads to the other hosts (default: the default route's)
          --ca FILE           with https: who signed etcd's certificate
          --cert FILE         this host's certificate for etcd
          --key FILE          its key
          --user NAME         this host's user in etcd
          --password-file FILE
                              its password
          --conf-dir DIR      where network configurations are (/etc/cni/net.d)

        """;

    private const string OfOutput = """
          --json              for programs: one JSON document
          --help              this text

        """;

    internal static string Of(bool checksOnly) =>
        checksOnly
            ? $"""
                twill preflight: what twill up would find on this host, with the same options. Changes nothing.

                usage: twill preflight [--etcd URL[,URL..] | --single] [options]

                {OfNetwork}{OfOutput}
                Exit code: 0 nothing is in the way, 1 something is, which is said, 2 the command line makes no sense (or the caller
                is not root).

                """
            : $"""
                twill up: makes this host part of a network. It looks at the host, writes the network's configuration, shows what
                container runtimes need, starts the agent, and waits until the other hosts answer. What is done already is left as
                it is: after a failure or an interruption, mend what it names and run it again. twill cleanup undoes it.

                usage: twill up --etcd URL[,URL..] [options]
                       twill up --single [options]

                {OfNetwork}  --wait SECONDS      how long to wait for the agent and the other hosts (default 60)
                  --yes               add what podman and containerd need to their configuration; otherwise it is only shown
                {OfOutput}
                Exit code: 0 the network is there, 1 something is left to do, which is said, 2 the command line makes no sense (or the
                caller is not root).

                """;
}
