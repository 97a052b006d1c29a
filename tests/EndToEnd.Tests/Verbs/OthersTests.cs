using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Verbs;

/// <summary>What belongs to another network, or was made by somebody else.</summary>
public sealed class OthersTests
{
    [RequiresRootFact]
    public void A_del_leaves_the_interface_that_the_container_has_by_the_same_name_in_another_network()
    {
        using SingleHost single = new();
        LabContainer container = Add(single, "both");
        JsonObject second = single.Conf.ForPlugin();
        (second["name"], second["bridge"], second["ipam"]!["subnet"]) = ("second", "twill1", "10.245.0.0/24");
        CniProcess plugin = single.Host.Plugin("twill", container);

        CniAnswer refused = plugin.Add(second.ToJsonString());
        plugin.Del(second.ToJsonString()).OrThrow();

        refused.ErrorCode.Should().Be(104);
        container.CanPing(Lab.OutsideAddress).Should().BeTrue("the first network has nothing to do with that DEL");
        plugin.Check(single.Conf.ForPlugin(container.Result).ToJsonString()).OrThrow();
        plugin.Del(single.Config).OrThrow();
        Leftovers.Of(single.Host).Should().BeEmpty();
        Leftovers.Records(single.Host, "second").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_bridge_that_somebody_made_keeps_its_hardware_address_while_containers_come_and_go()
    {
        using SingleHost single = new();
        single.Host.Ip("link add twill0 type bridge");
        single.Host.Ip("link add above type veth peer name beside");
        single.Host.Ip("link set above address 0e:ff:ff:ff:ff:ff master twill0 up");
        LabContainer[] containers = [.. Enumerable.Range(0, 3).Select(i => Add(single, $"c{i}"))];

        foreach (LabContainer container in containers)
        {
            JsonDocument
                .Parse(container.Result)
                .RootElement.GetProperty("interfaces")[0]
                .GetProperty("mac")
                .GetString()
                .Should()
                .Be(BridgeMac(single));
            single.Host.Plugin("twill", container).Check(single.Conf.ForPlugin(container.Result).ToJsonString()).OrThrow();
        }

        single.Host.Ip("link del above");
        foreach (LabContainer container in containers[..2])
        {
            single.Host.Plugin("twill", container).Del(single.Config).OrThrow();
        }

        BridgeMac(single).Should().Be("0e:ff:ff:ff:ff:ff");
        single.Host.Plugin("twill", containers[2]).Check(single.Conf.ForPlugin(containers[2].Result).ToJsonString()).OrThrow();
    }

    private static LabContainer Add(SingleHost single, string name)
    {
        LabContainer container = single.Host.NewContainer(name);
        container.Result = single.Host.Plugin("twill", container).Add(single.Config).OrThrow().Stdout;
        return container;
    }

    private static string BridgeMac(SingleHost single) =>
        single.Host.IpJson("link show dev twill0")[0].GetProperty("address").GetString()!;
}
