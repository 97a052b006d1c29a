using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>The underlay's MTU changes while containers run.</summary>
public sealed class UnderlayMtuTests
{
    [RequiresRootFact]
    public void Running_containers_follow_downwards_and_keep_what_somebody_gave_them()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Hosts[0];
        JsonObject conf = SampleConf.Cluster(cluster.Etcd.Endpoint);
        conf["cniVersion"] = "1.1.0";
        LabContainer follows = Add(host, conf, "follows"),
            other = Add(host, conf, "other");
        other.Ip("link set eth0 mtu 1400");
        host.Ip($"link set {other.HostEnd()} mtu 1400");
        MtusOf(host, follows).Should().Be((1450, 1450));

        host.Ip("link set eth0 mtu 1380");
        Eventually.Pass(() => host.Agent!.Log.Should().Contain("MTU of 1 running container lowered to 1330"));
        MtusOf(host, follows).Should().Be((1330, 1330), host.Agent!.Log);
        MtusOf(host, other).Should().Be((1400, 1400), "it was not the network's");
        Check(host, conf, follows);

        host.Agent.Stop();
        host.Ip("link set eth0 mtu 1350");
        host.StartAgent();
        Eventually.Pass(() => host.Agent!.Log.Should().Contain("MTU of 1 running container lowered to 1300"));
        MtusOf(host, follows).Should().Be((1300, 1300), host.Agent!.Log);
        Check(host, conf, follows);

        host.Ip("link set eth0 mtu 1500");
        Eventually.Pass(() => host.IpJson("link show dev twill0")[0].GetProperty("mtu").GetInt32().Should().Be(1450));
        MtusOf(host, Add(host, conf, "new")).Should().Be((1450, 1450));
        MtusOf(host, follows).Should().Be((1300, 1300), "less than there is room for loses nothing");
        follows.CanPing(Lab.OutsideAddress).Should().BeTrue();
    }

    [RequiresRootFact]
    public void A_container_whose_namespace_is_another_now_is_told_and_left_alone()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Hosts[0];
        LabContainer hidden = host.AddContainer("hidden");
        host.Sh("touch /run/netns/aside; mount --bind /run/netns/hidden /run/netns/aside; ip netns delete hidden");
        host.NewContainer("hidden");

        host.Ip("link set eth0 mtu 1400");

        Eventually.Pass(() => host.Agent!.Log.Should().Contain($"container behind {hidden.HostEnd()}").And.Contain("keeps MTU 1450"));
        host.Sh("ip netns exec aside ip link show dev eth0").Should().Contain("mtu 1450");
        host.Ip("link show dev twill0").Should().Contain("mtu 1350", "that is not held up by it");
    }

    private static LabContainer Add(LabHost host, JsonObject conf, string name)
    {
        LabContainer container = host.NewContainer(name);
        container.Result = host.Plugin("twill", container).Add(conf.ForPlugin().ToJsonString()).OrThrow().Stdout;
        return container;
    }

    private static void Check(LabHost host, JsonObject conf, LabContainer container) =>
        host.Plugin("twill", container).Check(conf.ForPlugin(container.Result).ToJsonString()).OrThrow();

    private static (int Inside, int HostEnd) MtusOf(LabHost host, LabContainer container)
    {
        static int MtuOf(NetnsShell place, string link) => place.IpJson($"link show dev {link}")[0].GetProperty("mtu").GetInt32();
        return (MtuOf(container, "eth0"), MtuOf(host, container.HostEnd()));
    }
}
