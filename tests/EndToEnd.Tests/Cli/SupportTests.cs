using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli;

/// <summary>`twill support`: one archive that has what one needs, and no secret.</summary>
public sealed class SupportTests
{
    private const string Password = "correct horse battery",
        Foreign = "hunter2-of-another-plugin",
        Archive = "/run/support.tar";

    [RequiresRootFact]
    public void The_archive_has_state_kernel_logs_and_versions_and_none_of_the_planted_secrets()
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { Tls = true, RootPassword = Password });
        using TempDir files = TempDir.Create();
        File.WriteAllText(files.At("password"), $"{Password}\n");
        LabHost host = cluster.Join(
            "host",
            conf =>
            {
                JsonObject etcd = conf.Ipam()["etcd"]!.AsObject();
                etcd["caFile"] = cluster.Etcd.Certificates!.CaFile;
                etcd["username"] = "root";
                etcd["passwordFile"] = files.At("password");
            }
        );
        Eventually.True("the agent leases a subnet", () => cluster.LeaseOf(host) is not null, onFailure: () => host.Agent!.Log);
        LabContainer container = host.AddContainer("c1");
        byte[] key = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 37 + 5))];
        Directory.CreateDirectory(host.At("/var/lib/cni/twill/twill"));
        File.WriteAllBytes(host.At("/var/lib/cni/twill/twill/wireguard-key"), key);
        host.Write("/etc/cni/net.d/90-other.conflist", $$"""{"name":"other","plugins":[{"type":"x","secret":"{{Foreign}}"}]}""");
        host.Write("/etc/cni/net.d/91-broken.conf", Foreign);
        host.Write("/run/twill/twill/note.json", $$"""{"said":"{{Convert.ToBase64String(key)}} {{Password}} http://me:{{Foreign}}@host"}""");

        JsonNode told = JsonNode.Parse(host.Twill($"support --out {Archive} --json").OrThrow().Stdout)!;
        ((string?)told["archive"]).Should().Be(Archive);
        host.Sh($"stat -c %a {Archive}").Should().Be("600\n");
        host.Sh($"mkdir /run/unpacked && tar -C /run/unpacked -xf {Archive}");
        string[] names = host.Sh("cd /run/unpacked/twill-support && find . -type f -printf '%P\\n'").TrimEnd('\n').Split('\n');
        names.Should().BeEquivalentTo(told["files"]!.AsArray().Select(name => (string?)name));
        names.Should().Contain(["state/twill/subnet.json", "state/twill/agent.json", $"lasting-state/twill/{container.Address}"]);
        string all = host.Sh("cat $(find /run/unpacked -type f)");
        all.Should()
            .Contain($"twilld {host.Sh("/opt/cni/bin/twilld --version").Split(' ')[1].Trim()}")
            .And.Contain("Linux version ")
            .And.Contain("table inet twill-twill")
            .And.Contain("vxlan id 1 ")
            .And.Contain("net/ipv4/ip_forward = 1")
            .And.Contain("\"twill-ipam\"")
            .And.Contain("twill  /etc/cni/net.d/10-twill.conflist");
        foreach (string secret in new[] { Password, Foreign, Convert.ToBase64String(key), Convert.ToHexStringLower(key) })
        {
            all.Should().NotContain(secret);
        }

        all.Should().NotContain("PRIVATE KEY");
        Figures.Report("support", $"{names.Length} files, {new FileInfo(host.At(Archive)).Length / 1024} KB, 0 of 4 planted secrets");
    }

    [RequiresRootFact]
    public void A_host_without_anything_gives_an_archive_too_and_no_file_is_overwritten()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");

        host.Twill($"support --out {Archive}").OrThrow().Stdout.Should().StartWith($"wrote {Archive}: ");
        CmdResult again = host.Twill($"support --out {Archive}");
        again.ExitCode.Should().Be(1);
        again.Stderr.Should().StartWith("twill support: ").And.Contain("exists");
        host.Twill("support --out /nowhere/a.tar").ExitCode.Should().Be(1);
        host.Twill("support --what").ExitCode.Should().Be(2);
    }
}
