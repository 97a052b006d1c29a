using System.Text.Json;
using Twill.Testing;

namespace Twill.Agent.Tests;

/// <summary>Configuration files as they come on real machines: behind links, beside what cannot be read, naming what cannot
/// be.</summary>
public sealed class ConfigurationTests : IDisposable
{
    /// <summary>What conf/twilld.service leaves root: not CAP_DAC_OVERRIDE, by which root reads what is not root's.</summary>
    private static readonly string[] s_asService = ["net_admin", "sys_admin", "net_raw"];

    private readonly AgentLab _lab = new();
    private readonly TempDir _dir = TempDir.Create();

    public void Dispose()
    {
        _lab.Dispose();
        _dir.Dispose();
    }

    /// <summary>Neither the link's nor its target's size and times differ.</summary>
    [RequiresRootFact]
    public void A_link_that_leads_to_another_file_is_a_changed_configuration()
    {
        AgentHost a = _lab.AddHost();
        string file = Path.Combine(a.ConfDir, "10-pods.conflist");
        foreach (string bridge in (string[])["twill0", "twill7"])
        {
            _dir.Write(
                $"{bridge}/10-pods.conflist",
                File.ReadAllText(file).Replace("\"twill0\"", $"\"{bridge}\"", StringComparison.Ordinal)
            );
            File.SetLastWriteTimeUtc(_dir.At($"{bridge}/10-pods.conflist"), DateTime.UnixEpoch);
        }

        File.CreateSymbolicLink(_dir.At("data"), "twill0");
        File.Delete(file);
        File.CreateSymbolicLink(file, _dir.At("data/10-pods.conflist"));
        a.Start();
        a.WaitForSubnet();

        Cmd.Run("ln", ["-sfn", "twill7", _dir.At("data")]).OrThrow();

        Eventually.True("the other configuration's bridge is made", () => a.Ns.HasLink("twill7"), TimeSpan.FromSeconds(20), () => a.Log);
    }

    [RequiresRootFact]
    public void A_plugin_in_a_directory_beside_its_list_is_followed_too()
    {
        AgentHost a = _lab.AddHost();
        string file = Path.Combine(a.ConfDir, "10-pods.conflist");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(file));
        string plugin = document.RootElement.GetProperty("plugins")[0].GetRawText(),
            separate = Path.Combine(a.ConfDir, "pods", "10-twill.conf");
        Directory.CreateDirectory(Path.GetDirectoryName(separate)!);
        File.WriteAllText(separate, plugin);
        File.WriteAllText(file, """{ "cniVersion": "1.1.0", "name": "pods" }""");
        a.Start();
        a.WaitForSubnet();

        File.WriteAllText(separate, plugin.Replace("\"twill0\"", "\"twill7\"", StringComparison.Ordinal));

        Eventually.True("the other configuration's bridge is made", () => a.Ns.HasLink("twill7"), TimeSpan.FromSeconds(20), () => a.Log);
    }

    [RequiresRootFact]
    public void A_directory_that_cannot_be_read_keeps_no_network_from_being_served()
    {
        AgentHost a = _lab.AddHost();
        a.Capabilities = s_asService;
        OfAnotherUser(Directory.CreateDirectory(Path.Combine(a.ConfDir, "old.d")).FullName);

        a.Start("--listen", AgentHost.Listen);

        a.WaitForSubnet();
        a.WaitForLooksAtEverything(1);
    }

    [RequiresRootTheory]
    [InlineData("missing", "it does not exist (ENOENT)", "put the file there")]
    [InlineData("of another user", "no permission to read it (EACCES)", "chown root ")]
    public void A_file_that_cannot_be_read_is_told_at_once_with_what_to_do_and_used_when_it_can(string fault, string why, string remedy)
    {
        AgentHost a = _lab.AddHost();
        a.Capabilities = s_asService;
        string password = _dir.At("password"),
            file = Path.Combine(a.ConfDir, "10-pods.conflist");
        if (fault != "missing")
        {
            File.WriteAllText(password, "secret");
            OfAnotherUser(password);
        }

        File.WriteAllText(
            file,
            File.ReadAllText(file)
                .Replace(
                    "\"endpoints\"",
                    $"\"username\": \"host\", \"passwordFile\": \"{password}\", \"endpoints\"",
                    StringComparison.Ordinal
                )
        );
        a.Start();

        Eventually.True("agent.json is there", () => File.Exists(a.StatePath("agent.json")), onFailure: () => a.Log);
        string told = a.State("agent.json").GetProperty("lastError").GetString()!;
        told.Should().StartWith("start: ").And.Contain(password).And.Contain(why).And.Contain(remedy);

        File.WriteAllText(password, "secret");
        Cmd.Run("chown", ["0", password]).OrThrow();
        a.WaitForSubnet(); // this etcd lets everybody in
    }

    [RequiresRootFact]
    public void What_others_may_change_or_read_is_told_with_the_command_with_and_without_etcd()
    {
        AgentHost a = _lab.AddHost();
        string password = _dir.Write("password", "secret"),
            alone = _dir.At("alone"),
            file = Path.Combine(a.ConfDir, "10-pods.conflist");
        Directory.CreateDirectory(a.DataDir);
        Directory.CreateDirectory(alone);
        Cmd.Run("chmod", ["777", a.DataDir, alone]).OrThrow();
        Cmd.Run("chmod", ["604", password]).OrThrow();
        string access = $"\"username\": \"host\", \"passwordFile\": \"{password}\", \"endpoints\"";
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"endpoints\"", access, StringComparison.Ordinal));
        File.WriteAllText(
            Path.Combine(a.ConfDir, "20-alone.conflist"),
            $$"""
            {"cniVersion":"1.1.0","name":"alone","plugins":[{"type":"twill","bridge":"twill8","backend":{"type":"none"},
             "ipam":{"type":"twill-ipam","subnet":"10.9.0.0/24","dataDir":"{{alone}}"} }] }
            """
        );
        a.Start();

        foreach (string directory in (string[])[a.DataDir, alone])
        {
            a.WaitForLog(
                $"{directory} can be written by others than its owner: who may do that can take addresses from containers (chmod go-w "
                    + $"{directory})"
            );
        }

        a.WaitForLog(
            $"{password} ($.ipam.etcd.passwordFile) can be read by everybody: who does has this host's rights in etcd (chmod o-rwx "
                + $"{password})"
        );
    }

    private static void OfAnotherUser(string path)
    {
        Cmd.Run("chown", ["4711", path]).OrThrow();
        Cmd.Run("chmod", [Directory.Exists(path) ? "700" : "600", path]).OrThrow();
    }
}
