using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.Network;
using Twill.Network.State;

namespace Twill.Agent.Trace;

/// <summary>From a container to its host: interface, routes inside, host end, gateway.</summary>
internal sealed class SourceHops(TracePath path, AddressFile source, RouteSocket host, TraceReport report)
{
    private AddressRecord Record => source.Record!;

    /// <summary>Looks at them.</summary>
    /// <param name="netns">the container's namespace</param>
    /// <param name="pinger">asks from it</param>
    /// <returns>the MTU of the container's interface; null when it has none</returns>
    internal int? Run(NetNs netns, Pinger pinger)
    {
        Link? inside = null;
        Hop container = netns.Run(() => Inside(out inside));
        report.Tell(container);
        HostEnd();
        if (path.Gateway is { } gateway && !path.Network.IsForeign && inside is not null && !gateway.Equals(path.Address))
        {
            PingAnswer answer = pinger.Ping(gateway);
            report.Tell(
                new Hop("gateway", answer.IsThere ? HopState.Ok : HopState.Note, $"{gateway} on this host {answer.Text}")
                {
                    RoundTrip = answer.RoundTrip,
                }
            );
        }

        return (int?)inside?.Mtu;
    }

    private Hop Inside(out Link? link)
    {
        const string Name = "container";
        using RouteSocket kernel = RouteSocket.Open();
        string name = Record.Owner.IfName,
            enter = $"nsenter --net={Record.Netns} ";
        if (!kernel.TryGetLink(name, out link))
        {
            return new Hop(Name, HopState.Failed, $"interface {name} is gone", "restart the container");
        }

        if (!link.IsUp)
        {
            return new Hop(Name, HopState.Failed, $"interface {name} is down", $"{enter}ip link set dev {name} up");
        }

        if (!kernel.ListAddresses(link.Index).Exists(there => there.Address.Equals(source.Address)))
        {
            return new Hop(Name, HopState.Failed, $"interface {name} lacks its address {source.Address}", "restart the container");
        }

        string way = PacketWay.Of(kernel, new GetRoute(path.Address), out Route? route);
        return route is null
            ? new Hop(
                Name,
                HopState.Failed,
                $"a packet to {path.Address} goes {way}",
                $"{enter}ip route replace default via {path.Gateway} dev {name}; or restart the container"
            )
            : new Hop(Name, HopState.Ok, $"{name} has {source.Address}, MTU {link.Mtu}; {path.Address} {Via(route)}, by {way}");
    }

    private static string Via(Route route) => route.Gateway is { } gateway ? $"by way of {gateway}" : "is on the link";

    private void HostEnd()
    {
        const string Name = "host end";
        if (path.Network.IsForeign)
        {
            return;
        }

        string veth = DeviceNames.Veth(Record.Owner.ContainerId, Record.Owner.IfName);
        if (!host.TryGetLink(veth, out Link? end))
        {
            report.Tell(new Hop(Name, HopState.Failed, $"{veth} is gone", "restart the container"));
            return;
        }

        string master = end.MasterIndex != 0 && host.TryGetLink(end.MasterIndex, out Link? bridge) ? bridge.Name : "";
        bool isRouted = RoutedVeth.Is(end);
        report.Tell(
            !end.IsUp ? new Hop(Name, HopState.Failed, $"{veth} is down", $"ip link set dev {veth} up")
            : isRouted ? new Hop(Name, HopState.Ok, $"{veth}, routed by this host")
            : master == path.Network.Bridge ? new Hop(Name, HopState.Ok, $"{veth}, a port of {master}")
            : new Hop(
                Name,
                HopState.Failed,
                $"{veth} is {(master.Length > 0 ? $"a port of {master}" : "on no bridge")}, not of {path.Network.Bridge}",
                $"ip link set dev {veth} master {path.Network.Bridge}"
            )
        );
    }
}
