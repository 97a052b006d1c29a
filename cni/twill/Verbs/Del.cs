using Twill.Cni;
using Twill.Host;
using Twill.Host.AntiSpoof;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.Plugin.Capabilities;

namespace Twill.Plugin.Verbs;

/// <summary>
/// DEL needs no more than the container's id, the interface's name and the IPAM plugin's: the names of host end and ifb follow from the
/// first two. The interface goes before its address is free, so that no other container can be given it while this one still answers: the
/// IPAM plugin is started at once, and is told what to do when the interface is gone. What is gone already is no error, and no failure
/// keeps the rest from being tried. An interface of the same name that the container has in another network stays.
/// </summary>
internal static class Del
{
    public static CniResult? Run(CniRequest request)
    {
        TwillConf conf = TwillConf.Parse(request.Reader.Lenient([]), BackendTable.All);
        string hostName = DeviceNames.Veth(request.ContainerId, request.IfName),
            ifbName = DeviceNames.Ifb(request.ContainerId, request.IfName);
        Cleanup cleanup = new();
        using RunningDelegate? early = StartIpam(request, conf);
        // Also when the network has no names any more: it had some when the container was added, perhaps.
        cleanup.Try("cannot delete the container's names", () => ContainerNames.RecordsOf(StateOf(request)).Remove(hostName));
        cleanup.Try("cannot free the published ports", () => Ports.Release(StateOf(request), conf, hostName));
        request.Phases?.Done("ports");
        cleanup.Try($"cannot delete {hostName}", () =>
        {
            using RouteSocket host = RouteSocket.Open();
            HostEndRemoval.Run(host, SourceProtection.RecordsOf(StateOf(request)), request.NetworkName, hostName, out bool others);
            if (!others)
            {
                cleanup.Try($"cannot delete {ifbName}", () => PodShaping.Delete(host, ifbName));
            }
        });
        request.Phases?.Done("limits, veth pair");
        if (conf.Ipam.Type.Length > 0)
        {
            cleanup.Try($"cannot release the address ({conf.Ipam.Type})", () =>
            {
                if (early is null)
                {
                    DelegateExec.Run(request, conf.Ipam.Type, CniVerb.Del);
                }
                else
                {
                    early.Wait();
                }
            });
        }
        request.Phases?.Done("IPAM plugin");
        cleanup.Try("cannot remove the mark of a killed ADD", () => InFlightAdd.DeleteMark(StateOf(request), request.Attachment));
        cleanup.ThrowIfAny();
        return null;
    }

    // Null when it cannot be started: that is told when its turn comes, and is tried once more then.
    private static RunningDelegate? StartIpam(CniRequest request, TwillConf conf)
    {
        try
        {
            return conf.Ipam.Type.Length > 0 ? DelegateExec.Start(request, conf.Ipam.Type, CniVerb.Del, held: true) : null;
        }
        catch (Exception)
        {
            return null;
        }
    }

    private static NetworkStateDir StateOf(CniRequest request) => StateDir.From(request.Environment).Existing(request.NetworkName);
}
