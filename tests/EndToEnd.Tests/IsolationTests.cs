using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>Two networks on one host, the second with <c>"icc": false</c>.</summary>
public sealed class IsolationTests(SingleHost single) : IClassFixture<SingleHost>
{
    private LabHost Host => single.Host;

    [RequiresRootFact]
    public void Networks_are_isolated_and_icc_false_keeps_containers_apart()
    {
        JsonObject second = single.Conf.DeepClone().AsObject();
        second["name"] = "second";
        JsonObject plugin = second["plugins"]![0]!.AsObject();
        (plugin["bridge"], plugin["icc"]) = ("twill1", false);
        plugin["ipam"]!["subnet"] = "10.245.0.0/24";
        Host.Configure(second);
        LabContainer first = Host.AddContainer("first"),
            apart = Host.AddContainer("apart", "second"),
            alone = Host.AddContainer("alone", "second");

        foreach (LabContainer container in (LabContainer[])[first, apart, alone])
        {
            Host.CanPing(container.Address).Should().BeTrue();
            container.CanPing(Lab.GatewayAddress).Should().BeTrue("the way out is open");
        }

        first.CanPing(apart.Address).Should().BeFalse();
        apart.CanPing(first.Address).Should().BeFalse();
        apart.CanPing(alone.Address).Should().BeFalse();
        Host.Cnitool("check", "second", apart).OrThrow();
        Host.Complaints().Should().BeEmpty();

        Host.Ip("link set twill1 group 0");
        Host.Complaints().Select(complaint => complaint.Text).Should().Contain(text => text.Contains("twill1 is in link group 0"));
        plugin["isolated"] = false;
        plugin["icc"] = true;
        Host.Configure(second);
        LabContainer open = Host.AddContainer("open", "second");
        first.CanPing(apart.Address).Should().BeTrue("the ADD has written the table anew");
        open.CanPing(apart.Address).Should().BeTrue();
        open.CanPing(first.Address).Should().BeFalse("that network is isolated");
        Host.Complaints().Should().BeEmpty();

        Host.Cnitool("del", "twill", first).OrThrow();
        foreach (LabContainer container in (LabContainer[])[apart, alone, open])
        {
            Host.Cnitool("del", "second", container).OrThrow();
        }
    }
}
