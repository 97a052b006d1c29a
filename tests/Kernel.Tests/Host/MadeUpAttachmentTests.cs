using System.Net;
using Twill.Host;
using Twill.Host.Attachments;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Host;

/// <summary>An attachment is a class and a line in a table: this one is made up, and nothing else knows of it.</summary>
public sealed class MadeUpAttachmentTests : IDisposable
{
    /// <summary>A veth pair on no bridge, whose host end has the gateway's address and is known by its group.</summary>
    private sealed class LonelyAttachment : IAttachment
    {
        private const uint Group = 77;

        public string Name => "lonely";

        public Link? Create(RouteSocket host, NetNs pod, PodLinkSpec spec, Link bridge, Action created)
        {
            NewVeth veth = new(spec.HostName, spec.IfName)
            {
                Mac = spec.HostMac,
                Mtu = (uint)spec.Mtu,
                Up = true,
                PeerNetns = pod.Handle,
                Group = Group,
            };
            if (!host.TryExecute(veth, Errno.EEXIST))
            {
                return null;
            }

            created();
            Link end = host.GetLink(spec.HostName);
            host.Execute(new SetLink(end.Index) { Alias = spec.Alias });
            return end;
        }

        public bool Owns(Link end) => end.Group == Group;

        public void Connect(AttachmentSite site, IReadOnlyList<AttachedAddress> addresses)
        {
            foreach (AttachedAddress address in addresses)
            {
                site.Host.Execute(new NewAddress(site.End.Index, address.Gateway!, address.PrefixLength));
            }
        }

        public ContainerLink Inside(IReadOnlyList<AttachedAddress> addresses) =>
            new([.. addresses.Select(address => new PodAddress(address.Address, address.PrefixLength))], []);

        public Link GatewayLink(AttachmentSite site) => site.End;

        public string? FindDifference(AttachmentSite site, IReadOnlyList<AttachedAddress> addresses)
        {
            List<InterfaceAddress> present = site.Host.ListAddresses(site.End.Index);
            AttachedAddress? missing = addresses.FirstOrDefault(one => !present.Exists(there => there.Address.Equals(one.Gateway)));
            return missing is null ? null : $"host end {site.End.Name} lacks the address {missing.Gateway}";
        }

        public bool Delete(RouteSocket host, Link end, NftSocket? held = null) => host.DeleteLinkIfPresent(end.Index);

        public List<Link> List(IReadOnlyList<Link> links, string network, int bridge) =>
            [.. links.Where(link => Owns(link) && BridgePorts.IsHostEnd(link, network))];
    }

    private static readonly AttachmentTable s_table = new(new BridgeAttachment(), new LonelyAttachment(), new RoutedAttachment());
    private static readonly AttachedAddress s_address = new(IPAddress.Parse("10.90.0.2"), 24, IPAddress.Parse("10.90.0.1"));

    private readonly TestNetns _host = TestNetns.Create();
    private readonly TestNetns _pod = TestNetns.Create();

    [RequiresRootFact]
    public void It_is_made_connected_checked_listed_and_deleted_like_the_others()
    {
        PodLinkSpec spec = new("net1", "c1", "eth0", 1450, Hairpin: true);
        using RouteSocket host = Netns.OpenRouteSocket(_host),
            inPod = Netns.OpenRouteSocket(_pod);
        using NetNs pod = NetNs.Open(_pod.Path);
        HostBridge.Ensure(host, "twill0", 1450);
        _host.Run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/twill0/proxy_arp").OrThrow(); // the bridge takes nobody any more
        bool made = false;

        (IAttachment attachment, Link end) = s_table.Create(host, pod, spec, host.GetLink("twill0"), created: () => made = true);

        (attachment.Name, made, s_table.Of(end)).Should().Be(("lonely", true, attachment));
        AttachmentSite site = new(host, spec, end, host.GetLink("twill0"));
        attachment.FindDifference(site, [s_address]).Should().Be($"host end {spec.HostName} lacks the address 10.90.0.1");
        attachment.Connect(site, [s_address]);
        attachment.FindDifference(site, [s_address]).Should().BeNull();
        ContainerLink inside = attachment.Inside([s_address]);
        PodLink.Configure(inPod, PodLink.IndexOf(inPod, "eth0"), HostMacs.ForContainer(s_address.Address), inside.Addresses, inside.Routes);
        PodLink.WaitUntilForwarding(host, attachment.GatewayLink(site).Name);
        _pod.Run("ping", "-c1", "-W2", "10.90.0.1").OrThrow();

        s_table.List(host.ListLinks(), "net1", bridge: 0).Should().ContainSingle().Which.Name.Should().Be(spec.HostName);
        s_table.List(host.ListLinks(), "net2", bridge: 0).Should().BeEmpty();
        FluentActions
            .Invoking(() => s_table.Create(host, pod, spec, host.GetLink("twill0"), created: () => { }))
            .Should()
            .Throw<AlreadyAttachedException>();
        s_table.Delete(host, spec.HostName).Should().BeTrue();
        s_table.Delete(host, spec.HostName).Should().BeFalse();
        _pod.HasLink("eth0").Should().BeFalse();
    }

    public void Dispose()
    {
        _pod.Dispose();
        _host.Dispose();
    }
}
