using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.Testing;
using static Twill.EndToEnd.Tests.Ports.Server;

namespace Twill.EndToEnd.Tests.Ports;

/// <summary>Ports that somebody has already: a process of the host keeps them, a container that is gone does not.</summary>
public sealed class TakenPortsTests(SingleHost single) : IClassFixture<SingleHost>
{
    private LabHost Host => single.Host;

    [RequiresRootFact]
    public void What_a_process_of_the_host_listens_on_is_refused_by_its_name_unless_it_is_forced()
    {
        LabContainer container = Host.NewContainer("over");
        using Server ssh = On(Host, "tcp", 10250, "ssh");
        using Server web = On(container, "tcp", 80, "web");
        string ports = """[{"hostPort":10250,"containerPort":80}]""";

        CniAnswer refused = Host.Plugin("twill", container).Add(Config(ports));

        refused.ErrorCode.Should().Be(105, refused.ToString());
        refused.ErrorText.Should().Contain("10250/tcp is in use by process socat (pid ").And.Contain("\"hostPortInUse\": \"force\"");
        Leftovers.Of(Host).Should().BeEmpty();
        Host.Published("twill").Should().BeEmpty();
        Ask(single.Lab.Outside, "tcp", Host.Address, 10250).Should().StartWith("ssh ");

        JsonObject forced = JsonNode.Parse(Config(ports))!.AsObject();
        forced["hostPortInUse"] = "force";
        Host.Plugin("twill", container).Add(forced.ToJsonString()).OrThrow();
        Ask(single.Lab.Outside, "tcp", Host.Address, 10250).Should().StartWith("web ");
        Host.Plugin("twill", container).Del(forced.ToJsonString()).OrThrow();
        Ask(single.Lab.Outside, "tcp", Host.Address, 10250).Should().StartWith("ssh ");
    }

    [RequiresRootFact]
    public void A_port_of_a_container_that_is_gone_is_free_and_leads_nobody_to_the_next_owner_of_its_address()
    {
        LabContainer gone = Host.NewContainer("gone"),
            next = Host.NewContainer("next"),
            last = Host.NewContainer("last");
        JsonObject conf = single.Conf.ForPlugin();
        (conf["ipam"]!["rangeStart"], conf["ipam"]!["rangeEnd"]) = ("10.244.0.99", "10.244.0.99");
        string plain = conf.ToJsonString(),
            withPort = conf.WithRuntimeConfig("""{"portMappings":[{"hostPort":8300,"containerPort":80}]}""").ToJsonString();
        Host.Plugin("twill", gone).Add(withPort).OrThrow();
        gone.Vanish();

        Host.Plugin("twill", next).Add(plain).OrThrow();

        Host.Published("twill").Should().BeEmpty("the address is another's now, which published nothing");
        Directory.GetFiles(Host.At("/run/twill/twill/ports")).Should().BeEmpty();
        next.Vanish();

        Host.Plugin("twill", last).Add(withPort).OrThrow();
        last.Vanish();
        LabContainer other = Host.NewContainer("other");
        Host.Plugin("twill", other).Add(Config("""[{"hostPort":8300,"containerPort":81}]""")).OrThrow();
        Host.Published("twill").Should().ContainSingle();
        Directory.GetFiles(Host.At("/run/twill/twill/ports")).Should().ContainSingle();

        foreach (LabContainer container in (LabContainer[])[gone, next, last, other])
        {
            Host.Plugin("twill", container).Del(plain).OrThrow();
        }

        Host.Published("twill").Should().BeEmpty();
        Directory.GetFileSystemEntries(Host.At("/run/twill/twill/ports/addresses")).Should().BeEmpty();
    }

    private string Config(string ports) => single.Conf.ForPlugin().WithRuntimeConfig($$"""{"portMappings":{{ports}}}""").ToJsonString();
}
