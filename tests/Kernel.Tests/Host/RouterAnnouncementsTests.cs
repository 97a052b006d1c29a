using System.Net;
using System.Net.Sockets;
using Twill.Host;
using Twill.Host.Attachments;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Testing;

namespace Kernel.Tests.Host;

/// <summary>
/// CVE-2020-10749: a container that announces itself as a router. It has all capabilities in its own namespace. The host does not forward
/// IPv6, as it is where no container has IPv6 addresses: who forwards ignores announcements anyway.
/// </summary>
public sealed class RouterAnnouncementsTests : IDisposable
{
    private const string Bridge = "twill0";
    private static readonly PodLinkSpec s_spec = new("net1", "c1", "eth0", 1450, Hairpin: true);
    private static readonly AttachedAddress s_four = new(IPAddress.Parse("10.90.0.2"), 24, IPAddress.Parse("10.90.0.1")),
        s_six = new(IPAddress.Parse("fd00:90::2"), 64, IPAddress.Parse("fd00:90::1"));

    private readonly TestNetns _host = TestNetns.Create();
    private readonly TestNetns _pod = TestNetns.Create();

    [RequiresRootTheory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_container_that_announces_itself_gives_the_host_no_route(bool hasIPv6, bool isRouted)
    {
        string end = Attach(hasIPv6, isRouted);
        string link = isRouted ? end : Bridge;

        Announce();
        _pod.CanPing("10.90.0.1").Should().BeTrue("what was sent before has arrived, if it ever does");
        _host.Ip("-6 route show default").Should().BeEmpty();
        if (!hasIPv6)
        {
            _host.Ip($"-6 address show dev {link}").Should().BeEmpty("there is no IPv6 at all");
        }

        _host.Sh($"cd /proc/sys/net/ipv6/conf/{link}; echo 1 >accept_ra; echo 0 >disable_ipv6");
        Eventually.True(
            "without the protection it is believed",
            () =>
            {
                Announce();
                return _host.Ip("-6 route show default").Contains($"dev {link} proto ra");
            },
            onFailure: () => _host.Ip("-6 route")
        );
    }

    [RequiresRootFact]
    public void A_host_end_that_is_taken_off_the_bridge_listens_to_none_and_neither_does_the_container()
    {
        string end = Attach(hasIPv6: false, isRouted: false);
        _host.Ip($"link set {end} nomaster");
        long before = Received();

        Announce();
        Eventually.True("it hears the container", () => Received() > before);
        _host.Ip("-6 route show default").Should().BeEmpty();
        _host.Sh($"cat /proc/sys/net/ipv6/conf/{end}/accept_ra").Trim().Should().Be("0");
        _pod.Sh("cat /proc/sys/net/ipv6/conf/eth0/accept_ra").Trim().Should().Be("0");

        long Received() =>
            _host.IpJson($"-s link show dev {end}")[0].GetProperty("stats64").GetProperty("rx").GetProperty("packets").GetInt64();
    }

    [RequiresRootTheory]
    [InlineData("accept_ra", "1", "net.ipv6.conf.twill0.accept_ra is not 0: a container can give the host an IPv6 default route")]
    [InlineData("autoconf", "1", "net.ipv6.conf.twill0.autoconf is not 0: a container can give the host IPv6 addresses")]
    [InlineData("disable_ipv6", "0", "net.ipv6.conf.twill0.disable_ipv6 is not 1: the network has no IPv6")]
    public void What_somebody_changed_is_named_and_put_back(string parameter, string value, string told)
    {
        Attach(hasIPv6: false, isRouted: false);
        Difference().Should().BeNull();
        _host.Sh($"echo {value} >/proc/sys/net/ipv6/conf/{Bridge}/{parameter}");

        Difference().Should().StartWith(told);
        OnHost(host => RouterAnnouncements.Refuse(host, host.GetLink(Bridge), hasIPv6: false));
        Difference().Should().BeNull();

        string? Difference() => OnHost(host => RouterAnnouncements.FindDifference(host, host.GetLink(Bridge), hasIPv6: false));
    }

    [RequiresRootFact]
    public void A_bridge_with_ipv6_addresses_that_is_not_twills_own_is_left_as_it_is()
    {
        _host.Ip($"link add {Bridge} address 02:00:00:00:00:77 type bridge");
        _host.Ip($"link set {Bridge} up");
        _host.Ip($"address add 2001:db8::7/64 dev {Bridge} nodad");

        OnHost(host => RouterAnnouncements.Refuse(host, host.GetLink(Bridge), hasIPv6: false)).Should().BeEmpty();

        _host.Ip($"-6 address show dev {Bridge}").Should().Contain("2001:db8::7/64");
        _host.Sh($"cat /proc/sys/net/ipv6/conf/{Bridge}/accept_ra").Trim().Should().Be("1");
        OnHost(host => RouterAnnouncements.FindDifference(host, host.GetLink(Bridge), hasIPv6: false)).Should().BeNull();
    }

    [RequiresRootFact]
    public void A_network_that_had_ipv6_keeps_it_for_the_containers_that_have_it()
    {
        Attach(hasIPv6: true, isRouted: false);
        _host.Ip($"address add fd00:90::1/64 dev {Bridge} nodad");

        OnHost(host => RouterAnnouncements.Refuse(host, host.GetLink(Bridge), hasIPv6: false)).Should().BeEmpty();

        _host.Ip($"-6 address show dev {Bridge}").Should().Contain("fd00:90::1/64");
        OnHost(host => RouterAnnouncements.FindDifference(host, host.GetLink(Bridge), hasIPv6: false)).Should().BeNull();
    }

    public void Dispose()
    {
        _pod.Dispose();
        _host.Dispose();
    }

    /// <summary>Connects the container as an ADD does.</summary>
    /// <returns>The host end's name.</returns>
    private string Attach(bool hasIPv6, bool isRouted)
    {
        using NetNs pod = NetNs.Open(_pod.Path);
        OnHost(host =>
        {
            Link bridge = HostBridge.Ensure(host, Bridge, 1450);
            RouterAnnouncements.Refuse(host, bridge, hasIPv6);
            if (hasIPv6)
            {
                IPv6Settings.EnsureBridge(Bridge);
            }

            if (isRouted)
            {
                RoutedVeth.EnableProxyArp(Bridge);
                bridge = host.GetLink(Bridge);
            }

            (IAttachment attachment, Link end) = AttachmentTable.All.Create(host, pod, s_spec, bridge, created: () => { });
            using RouteSocket inPod = RouterAnnouncements.OpenRefusing(pod, "eth0");
            IReadOnlyList<AttachedAddress> addresses = hasIPv6 ? [s_four, s_six] : [s_four];
            attachment.Connect(new AttachmentSite(host, s_spec, end, bridge), addresses);
            return true;
        });
        _host.Ip($"address add 10.90.0.1/24 dev {Bridge}");
        _pod.Sh("echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip link set eth0 up; ip address add 10.90.0.2/24 dev eth0");
        _host.WaitForCarrier(s_spec.HostName);
        _pod.WaitForCarrier("eth0");
        Eventually.True("the container has a link-local address", () => _pod.Ip("-6 address show dev eth0 scope link").Contains("fe80"));
        return s_spec.HostName;
    }

    /// <summary>A router advertisement to all nodes, preference high (RFC 4861, section 4.2; RFC 4191, section 2.2).</summary>
    private void Announce()
    {
        using NetNs ns = NetNs.Open(_pod.Path);
        int index = _pod.IndexOf("eth0");
        using Socket raw = ns.Run(() => new Socket(AddressFamily.InterNetworkV6, SocketType.Raw, ProtocolType.IcmpV6));
        raw.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastTimeToLive, 255);
        raw.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface, index);
        byte[] advertisement = [134, 0, 0, 0, 64, 0x08, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0];
        raw.SendTo(advertisement, new IPEndPoint(IPAddress.Parse($"ff02::1%{index}"), 0));
    }

    private T OnHost<T>(Func<RouteSocket, T> action)
    {
        using NetNs ns = NetNs.Open(_host.Path);
        return ns.Run(() =>
        {
            using RouteSocket host = RouteSocket.Open();
            return action(host);
        });
    }
}
