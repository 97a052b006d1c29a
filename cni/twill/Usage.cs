using Twill.Cni;
using Twill.Plugin.Cli;

namespace Twill.Plugin;

/// <summary>What a person who runs the plugin by hand is told.</summary>
internal static class Usage
{
    private const string Text = """
        twill is a CNI plugin: a container runtime runs it, with CNI_COMMAND and the other CNI_* variables set and the network
        configuration on standard input. It belongs into /opt/cni/bin (or wherever CNI_PATH points), beside twill-ipam.

        To try it by hand:  echo '{"cniVersion":"1.1.0"}' | CNI_COMMAND=VERSION twill

        On a host it also answers an operator (each has its own --help, and --json for programs):

          twill up         makes this host part of a network: configuration, runtimes, agent, the way to the other hosts
          twill preflight  what twill up would find on this host; changes nothing
          twill status     each network: subnets, addresses, lease, agent, peers
          twill peers      the other hosts' subnets, and whether the kernel has the whole way to each
          twill doctor     what keeps containers from reaching each other, and what to do about it
          twill trace      the way of a packet to a host, a container or an address, hop by hop, and where it ends
          twill names      the names of containers that this host's agent answers for
          twill attach     puts a running container into a network
          twill detach     takes it out again
          twill address    addresses that stay with a container's name
          twill support    one archive for somebody who looks for a fault from elsewhere, without passwords and keys
          twill cleanup    removes what twill made on this host
          twill convert    another plugin's network configuration as one of twill's, and what would change by it

          --version   the version of this program, and the CNI versions it speaks
          --help      this text

        """;

    /// <summary>Answers the command line.</summary>
    /// <returns>the exit code, as <see cref="Commands"/> has them</returns>
    public static int Print(ICniProcess process, string[] arguments) =>
        CommandLine.Answer(process, arguments, typeof(Usage).Assembly, Text, () => Commands.Run(process, arguments));
}
