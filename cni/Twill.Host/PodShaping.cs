using System.Diagnostics.CodeAnalysis;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.TrafficControl;
using Twill.Network;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// A container's limits, on the host's side of its pair, where it cannot reach them:
/// <code>
/// to the container:    bridge -> host end [tbf] -> container
/// from the container:  container -> host end (ingress) -> ifb [tbf] -> host end -> bridge
/// </code>
/// Only what leaves an interface can be queued, so that what arrives at the host end makes a detour through an ifb of its own.
/// The discipline and filter of the host end go when it goes; the ifb has to be deleted.
/// </summary>
public static class PodShaping
{
    /// <summary>Puts the limits on. The pair is new, so that an ifb of its name is what a killed ADD left: it is made anew.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    /// <param name="spec">The pair.</param>
    /// <param name="limits">What to put on it.</param>
    public static void Apply(RouteSocket host, PodLinkSpec spec, PodLimits limits)
    {
        if (limits == PodLimits.None)
        {
            return;
        }

        int hostEnd = host.GetLink(spec.HostName).Index;
        int ifb = limits.Egress is null ? 0 : MakeIfb(host, spec);
        RouteBatch batch = host.NewBatch();
        if (limits.Ingress is { } ingress)
        {
            batch.Add(Tbf(hostEnd, ingress));
        }

        if (limits.Egress is { } egress)
        {
            batch.Add(new SetLink(ifb) { Alias = spec.Alias });
            batch.Add(Tbf(ifb, egress));
            batch.Add(new NewIngress(hostEnd));
            batch.Add(new NewRedirect(hostEnd, ifb));
        }
        batch.Send();
    }

    /// <summary><c>ip link delete IFB</c>. Nothing to do when there is none, as for any container without a limit on what it
    /// sends.</summary>
    /// <returns>False when there was none.</returns>
    public static bool Delete(RouteSocket host, string ifb) => host.DeleteLinkIfPresent(ifb);

    /// <summary>The names of the ifbs of a network's containers, and of those that a killed ADD left.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    /// <param name="network">The network.</param>
    public static List<string> Ifbs(RouteSocket host, string network)
    {
        List<string> names = [];
        foreach (Link link in host.ListLinks(kind: "ifb"))
        {
            if (DeviceNames.IsIfb(link.Name) && IsOurs(host, link, network))
            {
                names.Add(link.Name);
            }
        }
        return names;
    }

    /// <summary>Compares the limits with what the kernel has. Limits that nobody asked for are not looked for: another plugin may have set
    /// them.</summary>
    /// <returns>The first difference, in words; null when all is as asked for.</returns>
    public static string? FindDifference(RouteSocket host, PodLinkSpec spec, PodLimits limits)
    {
        if (limits == PodLimits.None)
        {
            return null;
        }

        if (!host.TryGetLink(spec.HostName, out Link? hostEnd))
        {
            return $"host end {spec.HostName} is missing";
        }

        return (limits.Ingress is { } ingress ? TbfDifference(host, hostEnd, ingress, "to") : null)
            ?? (limits.Egress is { } egress ? EgressDifference(host, hostEnd, spec, egress) : null);
    }

    private static int MakeIfb(RouteSocket host, PodLinkSpec spec)
    {
        NewIfb ifb = new(spec.IfbName) { Mtu = (uint)spec.Mtu, Up = true };
        if (!host.TryExecute(ifb, Errno.EEXIST))
        {
            host.DeleteLinkIfPresent(spec.IfbName);
            host.Execute(ifb);
        }
        return host.GetLink(spec.IfbName).Index;
    }

    private static NewTbf Tbf(int index, RateLimit limit) => new(index, limit.Rate, limit.Burst, limit.Queue);

    // An ADD that was killed gave it no alias yet. It makes the host end before: without one nobody needs the ifb.
    private static bool IsOurs(RouteSocket host, Link ifb, string network) =>
        string.IsNullOrEmpty(ifb.Alias)
            ? !host.TryGetLink(DeviceNames.VethOfIfb(ifb.Name), out _)
            : ifb.Alias.StartsWith(DeviceNames.VethAliasStart(network), StringComparison.Ordinal);

    private static string? EgressDifference(RouteSocket host, Link hostEnd, PodLinkSpec spec, RateLimit limit)
    {
        if (!host.TryGetLink(spec.IfbName, out Link? ifb))
        {
            return $"what the container sends is not limited to {limit}: {spec.IfbName} is missing";
        }

        if (!ifb.IsUp)
        {
            return $"{spec.IfbName}, through which all goes that the container sends, is down";
        }

        return Redirects(host, hostEnd.Index, ifb.Index)
            ? TbfDifference(host, ifb, limit, "from")
            : $"what the container sends is not limited to {limit}: host end {hostEnd.Name} does not redirect it to {ifb.Name}";
    }

    private static bool Redirects(RouteSocket host, int hostEnd, int ifb)
    {
        if (!host.TryGetQdisc(hostEnd, TcHandle.Ingress, out Qdisc? hook) || hook.Kind is not ("ingress" or "clsact"))
        {
            return false;
        }

        foreach (TcFilter filter in host.ListIngressFilters(hostEnd))
        {
            if (filter.RedirectIndex == ifb)
            {
                return true;
            }
        }
        return false;
    }

    private static string? TbfDifference(RouteSocket host, Link link, RateLimit limit, string direction)
    {
        if (!HasTbf(host, link, out TbfDetails? tbf))
        {
            return $"traffic {direction} the container is not limited to {limit}: {link.Name} has no token bucket filter";
        }

        if (tbf.Rate != limit.Rate)
        {
            return $"traffic {direction} the container is limited to {(UInt128)tbf.Rate * 8} bit/s by {link.Name}, not "
                + $"{(UInt128)limit.Rate * 8}";
        }

        if (!tbf.HasBurst(limit.Burst))
        {
            return $"bursts {direction} the container are limited to others than {(ulong)limit.Burst * 8} bit by {link.Name}";
        }

        return tbf.Limit == limit.Queue ? null : $"the queue of {link.Name} takes {tbf.Limit} bytes, not {limit.Queue}";
    }

    private static bool HasTbf(RouteSocket host, Link link, [NotNullWhen(true)] out TbfDetails? tbf)
    {
        tbf = host.TryGetQdisc(link.Index, TcHandle.Root, out Qdisc? qdisc) ? qdisc.Tbf : null;
        return tbf is not null;
    }
}
