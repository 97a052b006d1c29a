using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Hostile;

/// <summary>Who may read what the programs keep, what they tell of secrets, and where names and links could lead them.</summary>
public sealed class PrivacyTests(HostileBench bench) : IClassFixture<HostileBench>
{
    private const string Password = "open sesame 4711",
        WrongPassword = "close sesame 4712",
        PasswordFile = "/etc/cni/etcd-password",
        KeyFile = "/etc/cni/etcd.key";

    [RequiresRootTheory]
    [InlineData("000")]
    [InlineData("022")]
    [InlineData("777")]
    public void Whatever_the_callers_umask_directories_are_0700_and_files_0600(string umask)
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost host = cluster.NewHost("host");
        LabContainer container = host.NewContainer("c");
        JsonObject config = SampleConf
            .Cluster(cluster.Etcd.Endpoint)
            .ForPlugin()
            .With("runtimeConfig", """{"portMappings":[{"hostPort":8080,"containerPort":80}]}""");
        CniProcess plugin = host.Plugin("twill", container);
        CniProcess masked = plugin with { Prefix = [.. plugin.Prefix, "sh", "-c", $"umask {umask}; exec \"$0\""] };
        masked.Add(config.ToJsonString()).OrThrow();

        string made = host.Sh("find /run/twill /var/lib/cni/twill ! -type l -printf '%y %m %p\\n'");
        made.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Should()
            .HaveCountGreaterThan(8)
            .And.OnlyContain(
                line => line.StartsWith("d 700 ", StringComparison.Ordinal) || line.StartsWith("f 600 ", StringComparison.Ordinal),
                made
            );
        masked.Del(config.ToJsonString()).OrThrow();
    }

    [RequiresRootFact]
    public void The_ipam_plugin_of_somebody_else_gets_the_umask_that_the_runtime_had()
    {
        bench.Host.Write(
            "/opt/cni/bin/says-umask",
            "#!/bin/sh\ncat > /dev/null\numask > /run/umask\necho '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.7.0.2/24\"}]}'\n"
        );
        bench.Host.Sh("chmod 755 /opt/cni/bin/says-umask");
        JsonObject config = bench.Config("1.0.0").With("ipam", """{"type":"says-umask"}""");
        CniProcess plugin = bench.Plugin("twill");
        CniProcess masked = plugin with { Prefix = [.. plugin.Prefix, "sh", "-c", "umask 027; exec \"$0\""] };
        masked.Add(config.ToJsonString()).OrThrow();
        File.ReadAllText(bench.Host.At("/run/umask")).Trim().Should().Be("0027");
        masked.Del(config.ToJsonString()).OrThrow();
        bench.TidyUp("umask");
    }

    [RequiresRootFact]
    public void Password_key_and_token_appear_in_no_answer_log_or_file()
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { RootPassword = Password, TokenTtl = 2 });
        void Secure(JsonObject conf)
        {
            conf.Ipam()["etcd"]!["username"] = "root";
            conf.Ipam()["etcd"]!["passwordFile"] = PasswordFile;
        }

        LabHost host = cluster.NewHost("host", Secure);
        host.Write(PasswordFile, $"{Password}\n");
        LabContainer container = host.NewContainer("c");
        JsonObject conf = SampleConf.Cluster(cluster.Etcd.Endpoint);
        Secure(conf);
        List<string> said = [];
        void Call(string verb, JsonObject config)
        {
            CniAnswer answer = host.Plugin("twill", container).Run(verb, config.ToJsonString());
            said.Add(answer.Stdout + answer.Stderr);
        }

        Call("ADD", conf.ForPlugin());
        host.StartAgent("--log-level", "debug");
        Eventually.True("the agent leases", () => cluster.LeaseOf(host) is not null, onFailure: () => host.Agent!.Log);
        Call("DEL", conf.ForPlugin());
        host.Agent!.Stop();
        host.Sh("rm -rf /run/twill/*/subnet.json");
        host.Write(PasswordFile, $"{WrongPassword}\n");
        Call("ADD", conf.ForPlugin());
        Call("ADD", conf.ForPlugin().With("ipam.etcd.endpoints", $"[\"http://root:{Password.Replace(' ', '+')}@192.168.50.200:2379\"]"));
        host.Write(KeyFile, "-----BEGIN PRIVATE KEY-----\nbXkgbGlwcyBhcmUgc2VhbGVk\n-----END PRIVATE KEY-----\n");
        Call(
            "ADD",
            conf.ForPlugin()
                .With("ipam.etcd", $$"""{"endpoints":["https://192.168.50.200:2379"],"certFile":"{{KeyFile}}","keyFile":"{{KeyFile}}"}""")
        );
        Call("ADD", conf.ForPlugin().With("ipam.etcd", $$"""{"endpoints":["https://192.168.50.200:2379"],"caFile":"{{KeyFile}}"}"""));

        said.Add(host.Agent!.Log);
        said.Add(host.Sh("find /run/twill /var/lib/cni -type f -exec cat {} +"));
        said.Add(host.Run("/opt/cni/bin/twill", "status", "--json").Stdout);
        said.Should().HaveCountGreaterThan(8).And.OnlyContain(text => text.Length > 0 || text == said[1], "DEL alone has nothing to say");
        foreach (string text in said)
        {
            text.Should().NotContainAny(Password, Password.Replace(' ', '+'), WrongPassword, "bXkgbGlwcyBh", "my lips");
            text.Should().NotMatchRegex(@"\b[A-Za-z]{16}\.\d+\b", "etcd's tokens look like that");
        }
    }

    [RequiresRootTheory]
    [InlineData("lock")]
    [InlineData("last")]
    [InlineData("new")]
    [InlineData("10.8.0.2")]
    [InlineData("attachments/pod:eth0")]
    public void A_link_planted_where_a_file_of_ours_goes_is_not_written_through(string name)
    {
        string network = $"planted-{name.Replace('/', '-').Replace(':', '-')}",
            directory = $"/var/lib/cni/twill/{network}";
        bench.Host.Sh(
            $"mkdir -p {directory}/attachments /run/precious; echo precious > /run/precious/file; chmod 644 /run/precious/file; ln -s "
                + $"/run/precious/file {directory}/{name}"
        );
        JsonObject config = bench
            .Config()
            .With("name", $"\"{network}\"")
            .With("bridge", "\"planted0\"")
            .With("ipam.subnet", "\"10.8.0.0/24\"");
        foreach (string program in HostileBench.Plugins)
        {
            CniProcess plugin = bench.Plugin(program);
            HostileBench.Judge(plugin.Add(config.ToJsonString()), name).Should().BeOneOf(0, 5);
            HostileBench.Judge(plugin.Del(config.ToJsonString()), name).Should().BeOneOf(0, 5);
        }

        bench
            .Host.Sh("cat /run/precious/file; stat -c '%a %U' /run/precious/file; ls -A /run/precious")
            .Should()
            .Be("precious\n644 root\nfile\n");
        bench.Host.Sh($"rm -rf {directory}; ip link delete planted0 2>/dev/null; nft delete table inet twill-{network} 2>/dev/null; true");
        bench.TidyUp(name);
    }

    [RequiresRootTheory]
    [InlineData("name", "\"../../../tmp/x\"")]
    [InlineData("name", "\"..\"")]
    [InlineData("name", "\"a/b\"")]
    [InlineData("name", "\"/etc\"")]
    [InlineData("bridge", "\"../lo\"")]
    [InlineData("bridge", "\"..\"")]
    [InlineData("ipam.type", "\"../../bin/sh\"")]
    [InlineData("ipam.type", "\"/bin/sh\"")]
    [InlineData("ipam.dataDir", "\"../x\"")]
    [InlineData("ipam.dataDir", "\"/var/lib/../../etc\"")]
    public void A_name_that_leads_elsewhere_is_refused(string key, string value)
    {
        foreach (string verb in (string[])["ADD", "CHECK", "GC"])
        {
            CniAnswer answer = bench.Plugin("twill", verb).Run(verb, bench.Config(verb: verb).With(key, value).ToJsonString());
            HostileBench.Judge(answer, $"{verb} {key} {value}").Should().Be(7, answer.ToString());
            answer.ErrorText.Should().Contain(key.Split('.')[^1] == "type" ? "name" : $"$.{key}");
        }

        HostileBench.Judge(bench.Plugin("twill").Run("DEL", bench.Config().With(key, value).ToJsonString()), value);
        bench.TidyUp(value);
    }
}
