using Twill.Host;
using Twill.Host.Forwarding;
using Twill.Linux;
using Twill.Linux.Neighbours;
using Twill.Linux.Routes;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Trace;

/// <summary><c>twill trace</c>: goes the way of a packet, and says where it ends.</summary>
internal sealed class TraceCommand(TraceOptions options, StateDir state, TextWriter to)
{
    private readonly TraceReport _report = new(to, options.Json);

    /// <summary>Goes the way.</summary>
    /// <returns>whether the address answers</returns>
    /// <exception cref="UsageException">the options mean nothing on this host</exception>
    /// <exception cref="IOException">the kernel or a file cannot be read</exception>
    internal bool Run()
    {
        TracePath path = new TraceResolver(options, state).Resolve();
        _report.Begin(path);
        using RouteSocket host = RouteSocket.Open();
        using NetNs? netns = Enter(path);
        Pinger pinger = new(netns, path.SourceAddress);
        int? mtu = path.Node?.Mtu;
        if (path.Source is not null && netns is not null)
        {
            mtu = new SourceHops(path, path.Source, host, _report).Run(netns, pinger) ?? mtu;
        }

        Chains(path, host);
        bool mayAnswer = path.IsHere ? Here(path, host) : path.IsInside ? Across(path, host) : Outside(path, host);
        if (mayAnswer)
        {
            Ask(path, pinger, mtu ?? 0);
        }

        _report.Finish(path);
        return _report.End is null;
    }

    /// <summary>The container's namespace; null when this host sends, or when its path leads elsewhere from here.</summary>
    private NetNs? Enter(TracePath path)
    {
        if (path.Source?.Record is not { } record)
        {
            return null;
        }

        try
        {
            NetNs netns = NetNs.Open(record.Netns);
            if (record.Identity?.IsSameAs(netns.Identity) == true)
            {
                return netns;
            }

            netns.Dispose();
        }
        catch (LibcException)
        {
            // Told below.
        }

        string text = $"its namespace {record.Netns} is not seen from here";
        _report.Tell(new Hop("container", HopState.Failed, text, "give another one with --from"));
        return null;
    }

    private void Chains(TracePath path, RouteSocket host)
    {
        if (path.Network.IsForeign)
        {
            return;
        }

        const string Name = "forward chains";
        List<BlockingChain> chains = ForwardPaths.FindBlockingChains(host, path.Network, path.Node);
        foreach (BlockingChain chain in chains)
        {
            _report.Tell(new Hop(Name, chain.IsCertain ? HopState.Failed : HopState.Note, chain.Text, chain.Remedy));
        }

        if (chains.Count == 0)
        {
            _report.Tell(new Hop(Name, HopState.Ok, "no chain of this host drops what containers send or get"));
        }
    }

    private bool Here(TracePath path, RouteSocket host)
    {
        const string Name = "address";
        if (path.Gateway is { } own && own.Equals(path.Address))
        {
            _report.Tell(new Hop("route", HopState.Ok, $"{path.Address} is this host's own"));
            return true;
        }

        if (path.Here is null && !path.Network.Ipam.IsForeign)
        {
            string nobody = $"no container of this host has {path.Address}";
            _report.Tell(new Hop(Name, HopState.Failed, nobody, "ask for one that there is: twill trace with its id"));
            return false;
        }

        string way = PacketWay.Of(host, new GetRoute(path.Address), out Route? route);
        Neighbour? neighbour = host.ListNeighbours(route?.Index ?? 0).Find(one => path.Address.Equals(one.Address));
        string mac = neighbour?.Mac is { } known ? $", which knows it as {known}" : "";
        bool isOurs = way == path.Network.Bridge || DeviceNamesOf(way);
        _report.Tell(
            isOurs || path.Network.IsForeign
                ? new Hop("route", HopState.Ok, $"on this host, by {way}{mac}")
                : new Hop(
                    "route",
                    HopState.Failed,
                    $"packets to {path.Address} leave by {way}, not by {path.Network.Bridge}",
                    $"find the route or rule that is in the way (ip route get {path.Address}; ip rule) and remove it"
                )
        );
        return true;
    }

    private static bool DeviceNamesOf(string way) => Twill.Network.DeviceNames.IsVeth(way);

    private bool Across(TracePath path, RouteSocket host)
    {
        if (path.Peer is null && path.Measured is { NotMeasured: null })
        {
            _report.Tell(
                new Hop(
                    "lease",
                    HopState.Failed,
                    $"no host that the agent knows has a subnet with {path.Address}",
                    "ask for another address; the subnets that there are: twill peers"
                )
            );
            return false;
        }

        new PeerHops(path, host, _report).Run();
        return true;
    }

    private bool Outside(TracePath path, RouteSocket host)
    {
        string way = PacketWay.Of(host, new GetRoute(path.Address), out Route? route);
        _report.Tell(
            route is null
                ? new Hop(
                    "route",
                    HopState.Failed,
                    $"a packet to {path.Address} goes {way}",
                    $"give this host a route to it (ip route get {path.Address})"
                )
                : new Hop("route", HopState.Ok, $"outside of the network, by {way}{(route.Gateway is { } by ? $" by way of {by}" : "")}")
        );
        return route is not null;
    }

    /// <summary>What the address itself answers: a port, a small packet, one as large as the container's MTU.</summary>
    private void Ask(TracePath path, Pinger pinger, int mtu)
    {
        bool portAnswers = false;
        if (options.Port > 0)
        {
            (portAnswers, string text) = pinger.Connect(path.Address, options.Port);
            string? remedy = portAnswers ? null : "a firewall drops it on the way or there, or nobody has the address";
            _report.Tell(new Hop("port", portAnswers ? HopState.Ok : HopState.Failed, $"TCP port {options.Port} {text}", remedy));
        }

        PingAnswer small = pinger.Ping(path.Address);
        if (!small.IsThere)
        {
            string remedy = path.Peer is { } peer
                ? $"on host {peer.PublicIP} nobody has it, or it drops pings; there: twill trace {path.Address}"
                : "nobody has it, or it drops pings";
            HopState state = portAnswers ? HopState.Note : HopState.Failed;
            _report.Tell(new Hop("address", state, $"{path.Address} {small.Text}", portAnswers ? null : remedy));
            return;
        }

        _report.Tell(new Hop("address", HopState.Ok, $"{path.Address} {small.Text}") { RoundTrip = small.RoundTrip });
        if (mtu == 0 || !path.IsInside)
        {
            return; // what is outside may well have a smaller MTU
        }

        PingAnswer full = pinger.Ping(path.Address, mtu);
        string fits = path.Peer is { Fits: > 0 } known ? $"; {known.Fits} bytes fit" : "";
        _report.Tell(
            full.IsThere
                ? new Hop("full size", HopState.Ok, $"a packet of {mtu} bytes is answered") { RoundTrip = full.RoundTrip }
                : new Hop(
                    "full size",
                    HopState.Failed,
                    $"a packet of {mtu} bytes is not answered{fits}",
                    "a link on the way has a smaller MTU: raise it there, or lower $.mtu in the configuration of all hosts"
                )
        );
    }
}
