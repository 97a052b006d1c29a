using Twill.Cni;
using Twill.Host;
using Twill.Host.AntiSpoof;
using Twill.Host.Attachments;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.Plugin.Capabilities;

namespace Twill.Plugin.Verbs;

/// <summary>
/// GC: what attachments of this network have that are not listed is freed: published ports, host ends, ifbs, and by the IPAM plugin their
/// addresses. Whose a host end is, its alias says; one without (an ADD was killed before it gave it) counts by the bridge it hangs on.
/// An ADD at work beside this one loses nothing, though the list was made before it: see <see cref="InFlightAdd"/>.
/// </summary>
internal static class Gc
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    public static CniResult? Run(CniRequest request)
    {
        TwillConf conf = TwillConf.Parse(request.Reader, BackendTable.All);
        NetworkStateDir state = StateDir.From(request.Environment).Network(conf.Name);
        Cleanup cleanup = new();
        using (GcSession session = GcSession.Begin(state, s_patience))
        {
            cleanup.Try("cannot find what is not used any more", () => Free(conf, state, session, request.ValidAttachments, cleanup));
            cleanup.Try($"cannot free addresses ({conf.Ipam.Type})", () => DelegateExec.Run(request, conf.Ipam.Type, CniVerb.Gc));
            cleanup.Try("cannot remove the marks of ADDs that were killed", session.DeleteStaleMarks);
        }
        cleanup.ThrowIfAny();
        return null;
    }

    private static void Free(
        TwillConf conf,
        NetworkStateDir state,
        GcSession session,
        IReadOnlyList<CniAttachment> valid,
        Cleanup cleanup
    )
    {
        using RouteSocket host = RouteSocket.Open();
        IReadOnlyCollection<string> withPorts = Ports.Owners(state, conf.Name);
        AttachmentRecords records = new(state.AttachmentsPath);
        using NftSocket nft = NftSocket.Open();
        SourceReconciler sources = new(host, nft, records, conf.Name);
        HashSet<string> looked = sources.Owners();
        NameRecords names = ContainerNames.RecordsOf(state);
        List<string> named = names.Owners();
        List<string> hostEnds = HostEnds(host, conf),
            ifbs = PodShaping.Ifbs(host, conf.Name);

        // Only now, when it is known what there is: who is at work on any of it.
        HashSet<string> kept = [];
        List<CniAttachment> others =
        [
            .. GcSession.AddsInFlight(state),
            .. DockerEndpoint.Attachments(state),
            .. AttachedContainer.Attachments(state),
        ];
        foreach (CniAttachment attachment in (IEnumerable<CniAttachment>)[.. valid, .. others])
        {
            kept.Add(DeviceNames.Veth(attachment.ContainerId, attachment.IfName));
        }

        // An ADD of one of these may have begun since: each removal asks once more, and keeps such an ADD waiting.
        void FreeEach(IEnumerable<string> hostNames, string problem, Action<string> free)
        {
            foreach (string hostName in hostNames)
            {
                if (!kept.Contains(hostName))
                {
                    cleanup.Try($"{problem} {hostName}", () => session.FreeUnlessAdded(hostName, () => free(hostName)));
                }
            }
        }

        FreeEach(withPorts, "cannot free the published ports of", hostName => Ports.Release(state, conf, hostName));
        FreeEach(named, "cannot delete the names of the container of", names.Remove);
        FreeEach(hostEnds, "cannot delete", hostName => HostEndRemoval.Run(host, records, conf.Name, hostName, out _));
        looked.ExceptWith(hostEnds);
        FreeEach(looked, "cannot delete what may be sent as by the container of", sources.Remove);
        cleanup.Try("cannot take away what containers left on the bridge whose host ends are gone", () =>
            AttachmentTable.All.DeleteStale(host)
        );
        FreeEach(
            ifbs.ConvertAll(DeviceNames.VethOfIfb),
            "cannot delete the ifb of",
            hostName => PodShaping.Delete(host, DeviceNames.IfbOfVeth(hostName))
        );
    }

    private static List<string> HostEnds(RouteSocket host, TwillConf conf)
    {
        int bridge = host.TryGetLink(conf.Bridge, out Link? found) ? found.Index : 0;
        return AttachmentTable.All.List(host.ListLinks(), conf.Name, bridge).ConvertAll(end => end.Name);
    }
}
