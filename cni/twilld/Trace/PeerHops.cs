using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Forwarding;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Nftables;
using Twill.Linux.Routes;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Trace;

/// <summary>From this host to another: route and rules, tunnel, entries in the kernel, firewall, underlay, and what the other host
/// answers.</summary>
internal sealed class PeerHops(TracePath path, RouteSocket host, TraceReport report)
{
    private const double Recent = 60; // seconds: an agent pings those that do not answer every few

    private BackendConf Backend => path.Network.Backend;

    private AddressFamily Inner => path.Address.AddressFamily;

    /// <summary>Looks at them.</summary>
    internal void Run()
    {
        Route? route = Way();
        IPAddress? other = Tunnel(route) ?? path.Peer?.PublicIP;
        if (other is null || path.Node is not { } node)
        {
            return;
        }

        Firewall(node, other);
        bool answers = Underlay(node, other);
        Subnet(node, other, answers);
    }

    /// <summary>The device that leads to other hosts: that of the tunnel, or the underlay.</summary>
    private string? Across => Backend.DeviceNameOver(path.Node?.OuterOf(Inner) ?? Inner) ?? path.Node?.Interface;

    private Route? Way()
    {
        const string Name = "route";
        GetRoute packet = new(path.Address) { Source = path.SourceAddress, Iif = path.Source is null ? 0 : IndexOf(Inlet()) };
        string way = PacketWay.Of(host, packet, out Route? route);
        if (way == Across && route is not null)
        {
            report.Tell(new Hop(Name, HopState.Ok, $"leaves by {way}{Via(route)}"));
            return route;
        }

        string text = $"packets to {path.Address} leave by {way}, not by {Across ?? "the way to other hosts"}";
        if (Diversion.Of(host, packet, route) is { } by)
        {
            report.Tell(new Hop(Name, HopState.Failed, text + by.Text, by.Remedy(path.Peer?.Subnet ?? IPPrefix.Of(path.Address, 32))));
            return null;
        }

        string remedy = AgentProcess.Find(null) is null
            ? "the agent makes that route, and does not run: systemctl start twilld"
            : "the agent makes that route within a second; it does not: journalctl -u twilld says why";
        report.Tell(new Hop(Name, HopState.Failed, text, remedy));
        return null;
    }

    /// <summary>The interface by which the container's packets come in.</summary>
    private string Inlet()
    {
        CniAttachment owner = path.Source!.Record!.Owner;
        string veth = DeviceNames.Veth(owner.ContainerId, owner.IfName);
        return host.TryGetLink(veth, out Link? end) && RoutedVeth.Is(end) ? veth : path.Network.Bridge;
    }

    private static string Via(Route route) => route.Gateway is { } gateway ? $" by way of {gateway}" : "";

    /// <returns>the other host's address, as the kernel's entries have it; null when they lack it</returns>
    private IPAddress? Tunnel(Route? route)
    {
        if (Across is not { } name || !Backend.HasDevice)
        {
            return route?.Gateway; // packets go as they are
        }

        if (!host.TryGetLink(name, out Link? device) || !device.IsUp)
        {
            string what = device is null ? "is not there" : "is down";
            report.Tell(new Hop("tunnel", HopState.Failed, $"{name} {what}", "systemctl restart twilld"));
            return null;
        }

        report.Tell(new Hop("tunnel", HopState.Ok, $"{name}, MTU {device.Mtu}"));
        return device.Kind == "vxlan" && route?.Gateway is { } hop ? Entries(device, hop) : null;
    }

    private IPAddress? Entries(Link device, IPAddress hop)
    {
        const string Remedy = "the agent makes it within a second: systemctl status twilld";
        Neighbour? neighbour = host.ListNeighbours(device.Index).Find(one => hop.Equals(one.Address) && one.Mac is not null);
        if (neighbour?.Mac is not { } mac)
        {
            report.Tell(new Hop("neighbour", HopState.Failed, $"{hop} has no hardware address on {device.Name}", Remedy));
            return null;
        }

        Neighbour? entry = host.ListFdb(device.Index).Find(one => one.Mac == mac && one.Address is not null);
        report.Tell(
            entry is null
                ? new Hop("neighbour", HopState.Failed, $"{hop} is {mac}, and no FDB entry of {device.Name} says on which host", Remedy)
                : new Hop("neighbour", HopState.Ok, $"{hop} is {mac}, on host {entry.Address}")
        );
        return entry?.Address;
    }

    /// <summary>Chains of others that drop what carries the packet, or its answer.</summary>
    private void Firewall(NodeFile node, IPAddress other)
    {
        const string Name = "firewall";
        TunnelPort? port = Backend.TunnelPortIn(node);
        TunnelTraffic traffic = new(new InterfaceRef(node.Interface, IndexOf(node.Interface)), RefTo(Across!), Inner)
        {
            Port = port?.Port ?? 0,
            IsTwoWay = port is { Vni: null },
            Peers = [other],
        };
        using NftSocket nft = NftSocket.Open();
        List<BlockingChain> chains = [.. traffic.FindBlockingOutput(nft), .. traffic.FindBlockingInput(nft)];
        foreach (BlockingChain chain in chains)
        {
            report.Tell(new Hop(Name, chain.IsCertain ? HopState.Failed : HopState.Note, chain.Text, chain.Remedy));
        }

        if (LegacyIptables.HasFilter)
        {
            report.Tell(new Hop(Name, HopState.Note, LegacyIptables.Text, LegacyIptables.Remedy));
        }
        else if (chains.Count == 0)
        {
            report.Tell(new Hop(Name, HopState.Ok, $"no chain here drops what goes to {other} or comes from it"));
        }
    }

    private InterfaceRef RefTo(string name) => new(name, IndexOf(name));

    private int IndexOf(string name) => host.TryGetLink(name, out Link? link) ? link.Index : 0;

    /// <returns>whether the other host answers there</returns>
    private bool Underlay(NodeFile node, IPAddress other)
    {
        const string Name = "underlay";
        IPAddress? own = IPPrefix.Find(node.PublicAddresses, other.AddressFamily);
        GetRoute packet = new(other) { Source = own, UdpPort = Backend.TunnelPortIn(node)?.Port ?? 0 };
        string way = PacketWay.Of(host, packet, out Route? route);
        if (way != node.Interface)
        {
            Diversion? by = Diversion.Of(host, packet, route);
            string text = $"packets to host {other} leave by {way}, not by {node.Interface}{by?.Text}";
            string remedy = by?.Remedy(IPPrefix.Of(other, IPPrefix.Bits(other.AddressFamily)))
                ?? $"bring back the route to {other}, or remove the one that is in the way (ip route get {other}; ip rule)";
            report.Tell(new Hop(Name, HopState.Failed, text, remedy));
            return false;
        }

        host.TryGetLink(way, out Link? link);
        int needed = node.Mtu + Backend.Overhead(other.AddressFamily);
        if (link is not null && link.Mtu < needed)
        {
            report.Tell(
                new Hop(
                    "MTU",
                    HopState.Failed,
                    $"{way} has {link.Mtu} bytes, a packet of {node.Mtu} bytes in the tunnel needs {needed}",
                    "the agent follows the underlay's MTU: systemctl status twilld; or lower $.mtu"
                )
            );
        }

        PingAnswer answer = new Pinger(null, own).Ping(other);
        if (!answer.IsThere && host.ListNeighbours(link?.Index ?? 0).Exists(one => other.Equals(one.Address) && IsAbsent(one)))
        {
            const string Start = "start that host, or its network; check cable and VLAN";
            report.Tell(new Hop(Name, HopState.Failed, $"nobody on {way} has the address {other} (ARP, neighbour discovery)", Start));
            return false;
        }

        HopState state = answer.IsThere ? HopState.Ok : HopState.Note;
        string mtu = link is null ? "" : $", MTU {link.Mtu}";
        report.Tell(new Hop(Name, state, $"leaves by {way}{mtu}; host {other} {answer.Text} there") { RoundTrip = answer.RoundTrip });
        return answer.IsThere;
    }

    private static bool IsAbsent(Neighbour neighbour) => neighbour.State is NeighbourState.Failed or NeighbourState.Incomplete;

    /// <summary>What the other host's own address in its subnet answers, and what the agents found of each other.</summary>
    private void Subnet(NodeFile node, IPAddress other, bool hostAnswers)
    {
        if (path.Peer is not { } peer)
        {
            return;
        }

        Agent(peer);
        IPAddress address = path.Network.Ipam.GatewayOf(peer.Subnet);
        PingAnswer answer = new Pinger(null, path.Gateway).Ping(address);
        if (!answer.IsThere)
        {
            answer = new Pinger(null, path.Gateway).Ping(peer.Subnet.BaseAddress); // under another main plugin its only one
        }

        if (answer.IsThere || peer.DropsPings)
        {
            string text = answer.IsThere ? answer.Text : "drops pings, and routes packets to containers";
            report.Tell(new Hop("other host", HopState.Ok, $"{address} there {text}") { RoundTrip = answer.RoundTrip });
            return;
        }

        string port = Backend.TunnelPortIn(node) is { } tunnel ? $"UDP port {tunnel.Port}" : "the way for containers' packets";
        bool isHeard = peer.LastHeard is { } last && BootClock.Now - last < Recent;
        (string why, string remedy) =
            isHeard ? ("though its agent's pings arrive here", $"packets from here are lost on the way: open {port} there")
            : hostAnswers
                ? ("though the host does on the underlay", $"{port} is closed there, or on the way: open it; there: twill doctor")
            : ("nor does the host on the underlay", $"start it, see to its route back (there: ip route get {node.PublicIP})");
        report.Tell(new Hop("other host", HopState.Failed, $"{address} on host {other} {answer.Text}, {why}", remedy));
    }

    private void Agent(PeerReachability peer)
    {
        if (path.Measured is not { } measured || measured.BootId != BootClock.BootId)
        {
            return;
        }

        string loss = peer.Loss is { } lost ? $", {lost:0 %} loss" : "",
            heard = peer.LastHeard is { } last
                ? $"; its agent's last ping came in {BootClock.Now - last:0} s ago"
                : "; its agent was not heard",
            says = (peer.ReportsFailure, peer.ReportsSilence) switch
            {
                (true, true) => "; it says that something fails there, and that this host does not answer it",
                (true, false) => "; it says that something fails there",
                (false, true) => "; it says that this host does not answer it",
                _ => "",
            };
        bool isWell = peer is { State: PeerState.Answers, ReportsFailure: false, ReportsSilence: false };
        string age = $"{BootClock.Now - measured.Time:0} s ago: ";
        report.Tell(
            new Hop(
                "agents",
                isWell ? HopState.Ok : HopState.Note,
                $"{age}{peer.Subnet} {StateOf(peer.State)}{loss}{heard}{says}"
            )
            {
                RoundTrip = peer.RoundTrip,
            }
        );
    }

    private static string StateOf(PeerState state) =>
        state switch
        {
            PeerState.Answers => "answered",
            PeerState.LosesFullSize => "answered small packets only",
            PeerState.Silent => "did not answer",
            _ => "was not asked often enough",
        };
}
