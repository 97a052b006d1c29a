using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>The README's section "Install", done on a host that has nothing yet. There is no systemd on it: what it would start is
/// run.</summary>
public sealed class InstallTests
{
    [RequiresRootFact]
    public void The_commands_of_the_README_put_everything_where_the_unit_the_runtime_and_the_operator_look_for_it()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");
        host.Sh("rm -rf /opt/cni /etc/cni && mount -t tmpfs lab /usr/local/bin");

        foreach (string command in Commands().Where(command => !command.StartsWith("systemctl ", StringComparison.Ordinal)))
        {
            host.Run("sh", "-c", $"cd {RepoPaths.Root} && {command}").OrThrow();
        }

        string agent = host.Sh("sed -n s/ExecStart=//p /etc/systemd/system/twilld.service").Trim();
        host.Sh($"{agent} --version").Should().StartWith("twilld ");
        host.Sh("PATH=/usr/local/bin:/usr/bin:/bin twill --version").Should().StartWith("twill ");
        host.Run("/usr/local/bin/twill", "status").Stdout.Should().Contain("/etc/cni/net.d/10-twill.conflist");
        CniProcess plugin = new("/opt/cni/bin/twill-ipam") { Prefix = host.Enter };
        plugin.Run("VERSION", """{"cniVersion":"1.1.0"}""").OrThrow();
    }

    private static IEnumerable<string> Commands() =>
        File.ReadLines(Path.Combine(RepoPaths.Root, "README.md"))
            .SkipWhile(line => line != "## Install")
            .Skip(1)
            .TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(line => line.StartsWith("    ", StringComparison.Ordinal))
            .Select(line => line.Trim());
}
