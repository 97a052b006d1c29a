using Twill.Cni;
using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Plugin.Capabilities;

/// <summary>What the runtime asked for besides the configuration, found again or missed. Nothing is changed.</summary>
internal static class CapabilityCheck
{
    /// <summary>The first difference, in words; null when all is as asked for.</summary>
    public static string? FindDifference(
        RouteSocket host,
        RouteSocket inPod,
        NetworkStateDir state,
        PodLinkSpec spec,
        TwillConf conf,
        CniResult made,
        CniRequest request
    ) =>
        MacDifference(inPod, spec.IfName, RequestedMac.Read(request))
        ?? PodShaping.FindDifference(host, spec, Bandwidth.Read(conf, spec.Mtu))
        ?? Ports.FindDifference(host, state, conf, spec.HostName, made.Of(spec.IfName))
        ?? SourceProtection.FindDifference(host, inPod, state, conf, spec, made.Of(spec.IfName))
        ?? ContainerNames.FindDifference(state, conf, spec.HostName, request, made.Of(spec.IfName));

    private static string? MacDifference(RouteSocket inPod, string ifName, MacAddress? wanted) =>
        wanted is { } mac && inPod.TryGetLink(ifName, out Link? link) && link.Mac != mac
            ? $"interface {ifName} has hardware address {link.Mac}, not {mac} as asked for"
            : null;
}
