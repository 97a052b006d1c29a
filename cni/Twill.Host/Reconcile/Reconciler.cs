using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.Routes;
using Twill.System;

namespace Twill.Host.Reconcile;

/// <summary>
/// One round: what should be, what is, the difference, and its removal. It remembers nothing, so that the first start, a missed event and
/// a person's `ip route del` are all the same to it.
/// </summary>
public static class Reconciler
{
    /// <summary>Brings the kernel in line for one network.</summary>
    /// <param name="route">A socket in the host's namespace; the calling thread must be in it too.</param>
    /// <param name="backend">The network's backend.</param>
    /// <param name="self">This host; <see cref="LocalNode.MainRoutes"/> is filled in here when the backend needs it.</param>
    /// <param name="others">The leases of all other hosts.</param>
    /// <param name="before">Called before anything is written.</param>
    /// <param name="nexthops">Whether routes name nexthop objects where the kernel has them.</param>
    /// <exception cref="HostException">Something in the way is not ours to remove.</exception>
    /// <exception cref="Twill.Linux.Netlink.NetlinkException">The kernel refused to list, or to make the device.</exception>
    public static ReconcileResult Run(
        RouteSocket route,
        IBackend backend,
        LocalNode self,
        IEnumerable<PeerLease> others,
        Action<Desired>? before = null,
        bool nexthops = true
    )
    {
        LinkNames names = new(route);
        LocalNode known = backend.NeedsMainRoutes ? self with { MainRoutes = ReadMainRoutes(route, names, self) } : self;
        Desired desired = backend.ComputeDesired(known, others);
        before?.Invoke(desired);
        string[] overlays = [.. desired.Devices.ConvertAll(spec => spec.Name)];
        IReadOnlyList<string> deleted = OverlayDevice.DeleteOthers(route, self.NetworkName, keep: overlays);
        List<OverlayDevice.Result> devices = [];
        foreach (OverlaySpec spec in desired.Devices)
        {
            OverlayDevice.Result device = OverlayDevice.Ensure(route, spec);
            devices.Add(device);
            names.Add(device.Name, device.Index);
        }

        Actual actual = Actual.Read(route, names, self.Networks, overlays);
        Plan plan = Plan.Between(desired, nexthops ? actual : actual.WithoutNexthops());
        IReadOnlyList<Refusal> refusals = Applier.Apply(route, names, plan);
        actual.NexthopIds?.Record(plan);
        Baseline baseline = new(known, names, devices)
        {
            HasNexthops = actual.NexthopIds is not null,
            NexthopIds = nexthops ? actual.NexthopIds : null,
        };
        return new ReconcileResult(baseline, desired, plan, deleted, refusals);
    }

    /// <summary>
    /// The same for a few hosts that changed since a round after which nobody touched the kernel: what was wanted for them then is what is
    /// there now. It asks the kernel nothing, and writes the difference in one batch.
    /// </summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="backend">The network's backend.</param>
    /// <param name="baseline">What the round found.</param>
    /// <param name="change">The hosts.</param>
    /// <param name="before">Called with what was wanted for them and what is, before anything is written.</param>
    public static IncrementalResult Follow(
        RouteSocket route,
        IBackend backend,
        Baseline baseline,
        PeerChange change,
        Action<Desired, Desired>? before = null
    )
    {
        Desired was = backend.ComputeDesired(baseline.Self, change.Before),
            desired = backend.ComputeDesired(baseline.Self, change.After);
        before?.Invoke(was, desired);
        Plan plan = Plan.Between(desired, Actual.AsWanted(was, baseline.NexthopIds));
        IReadOnlyList<Refusal> refusals = Applier.Apply(route, baseline.Names, plan);
        baseline.NexthopIds?.Record(plan);
        return new IncrementalResult(was, desired, plan, refusals);
    }

    private static List<MainRoute> ReadMainRoutes(RouteSocket route, LinkNames names, LocalNode self)
    {
        List<MainRoute> routes = [];
        foreach (LocalAddress address in self.Addresses)
        {
            foreach (
                Route found in route.ListRoutes(
                    new()
                    {
                        Family = address.PublicIP.AddressFamily,
                        Table = RouteTable.Main,
                        RouteType = RouteType.Unicast,
                    }
                )
            )
            {
                // To containers, of which there may be many, no other host is behind.
                if (found.Protocol != RouteProtocol.Twill && !self.Networks.Exists(network => network.Covers(found.Destination)))
                {
                    bool oneWay = found.Index != 0;
                    routes.Add(
                        new MainRoute(
                            found.Destination,
                            oneWay ? names.NameOf(found.Index) : "",
                            !oneWay || found.Gateway is not null,
                            found.Metric
                        )
                    );
                }
            }
        }

        return routes;
    }
}

/// <summary>What a round knew of this host, on which others may build as long as nothing of it changes.</summary>
/// <param name="Self">This host, with <see cref="LocalNode.MainRoutes"/> if the backend needs them.</param>
/// <param name="Names">Links by name.</param>
/// <param name="Devices">The overlay devices, and what became of them in the round.</param>
public sealed record Baseline(LocalNode Self, LinkNames Names, IReadOnlyList<OverlayDevice.Result> Devices)
{
    /// <summary>Whether the kernel has nexthop objects.</summary>
    public bool HasNexthops { get; init; }

    /// <summary>The numbers of nexthop objects, kept up to date by those who build on this; null when routes do without.</summary>
    public NexthopIds? NexthopIds { get; init; }
}

/// <summary>What one round wanted, found and did.</summary>
/// <param name="Baseline">What it knew of this host.</param>
/// <param name="Desired">What should be.</param>
/// <param name="Plan">What it took.</param>
/// <param name="DeletedDevices">Overlay devices of earlier configurations that were deleted.</param>
/// <param name="Refusals">What the kernel refused; the next round tries again.</param>
public sealed record ReconcileResult(
    Baseline Baseline,
    Desired Desired,
    Plan Plan,
    IReadOnlyList<string> DeletedDevices,
    IReadOnlyList<Refusal> Refusals
)
{
    /// <summary>Whether all was as it should be already.</summary>
    public bool WasInOrder => Plan.Count == 0 && DeletedDevices.Count == 0 && !Baseline.Devices.Exists(device => device.Changes.Count > 0);
}

/// <summary>What became of a few hosts that changed.</summary>
/// <param name="Was">What was wanted for them.</param>
/// <param name="Desired">What is.</param>
/// <param name="Plan">What it took.</param>
/// <param name="Refusals">What the kernel refused.</param>
public sealed record IncrementalResult(Desired Was, Desired Desired, Plan Plan, IReadOnlyList<Refusal> Refusals);
