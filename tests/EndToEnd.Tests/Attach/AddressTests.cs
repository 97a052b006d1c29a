using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Attach;

/// <summary>`twill address`: an address that stays with a container's name on its host.</summary>
public sealed class AddressTests(SingleHost single) : IClassFixture<SingleHost>
{
    private LabHost Host => single.Host;

    [RequiresRootFact]
    public void A_name_keeps_its_address_across_restarts_and_nobody_else_gets_it()
    {
        Host.Twill("address list").OrThrow().Stdout.Should().Be("no address is reserved\n");
        Host.Twill("address reserve twill Web 10.244.0.2").OrThrow().Stdout.Should()
            .Be("10.244.0.2 is reserved for web in network twill on this host\n");
        Host.Twill("address reserve twill web").OrThrow().Stdout.Should().StartWith("10.244.0.2 is reserved for web already");
        (int code, JsonElement chosen) = Host.TwillJson("address reserve twill db");
        code.Should().Be(0);
        chosen.GetProperty("address").GetString().Should().Be("10.244.0.254");

        LabContainer other = Host.AddContainer("other");
        other.Address.Should().Be("10.244.0.3");
        for (int i = 0; i < 2; i++)
        {
            LabContainer web = Host.NewContainer($"web{i}");
            CniProcess plugin = Host.Plugin("twill", web) with { Args = "IgnoreUnknown=1;K8S_POD_NAME=web" };
            plugin.Add(single.Config).OrThrow();
            JsonElement inside = web.IpJson("-4 address show dev eth0")[0].GetProperty("addr_info")[0];
            inside.GetProperty("local").GetString().Should().Be("10.244.0.2");
            other.CanPing("10.244.0.2").Should().BeTrue();
            string listed = Host.Twill("address list").OrThrow().Stdout;
            listed.Should().MatchRegex($"(?m)^twill +web +10.244.0.2 +container web{i}, interface eth0$");
            plugin.Del(single.Config).OrThrow();
        }

        // A container that runs already gets it by its name, too, and keeps others from taking it by asking.
        LabContainer late = Host.NewContainer("late");
        Host.Twill($"attach twill {late.NetnsPath} --ip 10.244.0.254").Stderr.Should().Contain("reserves it for containers called 'db'");
        Host.Twill($"attach twill {late.NetnsPath} --name db").OrThrow().Stdout.Should().Contain("10.244.0.254/24");
        Host.Twill("detach twill " + late.NetnsPath).OrThrow();

        Host.Twill("address release twill web").OrThrow();
        Host.Twill("address release twill db").OrThrow();
        Host.Run("test", "-e", "/var/lib/cni/twill/twill/reserved").ExitCode.Should().Be(1);
        Host.Cnitool("del", "twill", other).OrThrow();
    }

    [RequiresRootFact]
    public void Bad_input_is_told_and_changes_nothing()
    {
        JsonObject foreign = SampleConf.Single();
        foreign["name"] = "foreign";
        foreign["plugins"]![0]!["bridge"] = "twill1";
        foreign["plugins"]![0]!["ipam"] = new JsonObject { ["type"] = "host-local", ["subnet"] = "10.99.0.0/24" };
        Host.Configure(foreign);
        Host.Twill("address reserve twill a 10.244.0.40").OrThrow();
        foreach (
            (string args, int code, string told) in new[]
            {
                ("address", 2, "expected reserve NETWORK NAME [ADDRESS], list [NETWORK] or release NETWORK NAME"),
                ("address reserve twill", 2, "expected reserve"),
                ("address keep twill a", 2, "got 'keep twill a'"),
                ("address list --bad", 2, "unknown option '--bad'"),
                ("address reserve none a", 2, "no network 'none' in /etc/cni/net.d: expected one of"),
                ("address reserve twill a_b", 2, "NAME: expected letters, digits and '-' only"),
                ("address reserve twill b 10.244.0.0/24", 2, "ADDRESS: expected an IPv4 or IPv6 address"),
                ("address reserve twill b 10.244.0.40", 1, "10.244.0.40 is reserved for a in network twill"),
                ("address reserve twill a 10.244.0.41", 1, "10.244.0.40 is reserved for a in network twill already"),
                ("address reserve twill b 10.244.0.1", 1, "10.244.0.1 is not given out here"),
                ("address reserve twill b 10.250.0.1", 1, "10.250.0.1 is not given out here: expected one of 10.244.0.0/24"),
                ("address reserve twill b fc00::1", 1, "fc00::1 is not given out here"),
                ("address release twill b", 1, "no address is reserved for b"),
                ("address reserve foreign b", 1, "expected ipam.type twill-ipam, got host-local"),
            }
        )
        {
            CmdResult refused = Host.Twill(args);
            refused.Stderr.Should().Contain(told, args);
            refused.ExitCode.Should().Be(code, args);
            refused.Stdout.Should().BeEmpty();
        }

        Host.Sh("cat /var/lib/cni/twill/twill/reserved").Should().Be("10.244.0.40 a\n");
        Host.Twill("address release twill a").OrThrow();
    }
}
