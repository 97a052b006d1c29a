using Twill.Cni;

namespace Twill.Ipam;

/// <summary>What a person who runs the plugin by hand is told.</summary>
internal static class Usage
{
    private const string Text = """
        twill-ipam is a CNI plugin that gives out addresses: a main plugin (twill, bridge, ptp, ..) that has "ipam": {"type": "twill-ipam"} in
        its configuration runs it, with the CNI_* variables set and the configuration on standard input. It belongs beside the main plugin.

        Who has which address:  head /var/lib/cni/twill/<network>/*.*

          --version   the version of this program, and the CNI versions it speaks
          --help      this text

        """;

    /// <summary>Answers the command line.</summary>
    /// <returns>the exit code: 2 for arguments that nobody knows</returns>
    public static int Print(ICniProcess process, string[] arguments) =>
        CommandLine.Answer(process, arguments, typeof(Usage).Assembly, Text, () =>
        {
            process.WriteStderr($"twill-ipam: unknown argument '{string.Join(' ', arguments)}'; --help says what there is");
            return 2;
        });
}
