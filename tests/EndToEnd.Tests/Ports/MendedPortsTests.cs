using Twill.EndToEnd.Tests.Capabilities;
using Twill.Testing;
using static Twill.EndToEnd.Tests.Ports.Server;

namespace Twill.EndToEnd.Tests.Ports;

/// <summary>One host with an agent, and a container with a published port.</summary>
public sealed class MendedPortsTests
{
    [RequiresRootFact]
    public void The_agent_puts_rules_back_and_keeps_what_is_published()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Hosts[0];
        LabContainer container = host.NewContainer("web");
        host.Cnitool("add", container, """{"portMappings":[{"hostPort":8080,"containerPort":80},{"hostPort":8081,"containerPort":80,"hostIP":"127.0.0.1"}]}""").OrThrow();
        using Server server = On(container, "tcp", 80, "web");
        string before = host.Nft("list table inet twill-twill");

        foreach (string damage in new[] { "flush chain inet twill-twill prerouting", "flush chain inet twill-twill output", "flush chain inet twill-twill postrouting" })
        {
            host.Nft(damage);
            Eventually.True($"mended after '{damage}'", () => host.Nft("list table inet twill-twill") == before, onFailure: () => host.Agent!.Log);
            Ask(cluster.Lab.Outside, "tcp", host.Address, 8080).Should().StartWith("web ");
            Ask(host, "tcp", "127.0.0.1", 8081).Should().StartWith("web ");
        }

        host.Cnitool("del", container, "{}").OrThrow();
        host.Nft("list map inet twill-twill ports").Should().NotContain("elements");
    }
}
