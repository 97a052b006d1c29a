using Twill.Cni;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.Plugin.Capabilities;

namespace Twill.Plugin.Verbs;

/// <summary>CHECK: the kernel and the address's record compared with what ADD answered. The first difference is the error.</summary>
internal static class Check
{
    public static CniResult? Run(CniRequest request)
    {
        TwillConf conf = TwillConf.Parse(request.Reader, BackendTable.All);
        CniResult made = request.PrevResult
            ?? throw new CniException(
                CniErrorCode.InvalidNetworkConfig,
                "invalid network configuration",
                "$.prevResult: expected the result of the ADD that is to be checked, got nothing"
            );

        using NetNs pod = PodNamespace.Open(request);
        using RouteSocket host = RouteSocket.Open();
        using RouteSocket inPod = RouteSocket.Open(pod);
        NetworkStateDir state = StateDir.From(request.Environment).Network(conf.Name);
        int mtu = HostNode.EnsureMtu(host, state, conf);
        PodLinkSpec spec = new(conf.Name, request.ContainerId, request.IfName, mtu, conf.HairpinMode)
        {
            Isolated = conf.PortIsolation,
            IsOnLan = conf.Lan is not null,
            IsRoutedOnLan = conf.Lan is { IsRouted: true },
        };
        AttachmentCheck check = new(host, inPod, spec, conf, made);
        string? found = check.FindDifference() ?? CapabilityCheck.FindDifference(host, inPod, state, spec, conf, made, request);
        if (found is { } difference)
        {
            throw new CniException(
                CniErrorCode.CheckFailed,
                $"container {request.ContainerId}, interface {request.IfName}: {difference}",
                "DEL and ADD the attachment to have it made again"
            );
        }

        // Asked last: it can name the record's state, but not tell a broken interface from a whole one.
        DelegateExec.Run(request, conf.Ipam.Type, CniVerb.Check);
        return null;
    }
}
