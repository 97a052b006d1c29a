using Twill.Host.AntiSpoof;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.Network.State;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>Whether containers can send under others' addresses.</summary>
internal static class AntiSpoofCheck
{
    private const string Name = "anti-spoofing";

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        if (!network.IsOurs)
        {
            return;
        }

        AttachmentRecords records = new(new NetworkStateDir(network.StatePath).AttachmentsPath);
        List<ContainerSource> sources = [];
        to.Look(
            Name,
            () =>
            {
                sources = records.List().FindAll(source => host.Find(source.HostName) is not null);
                Compare(to, host, network, sources);
                Unprotected(to, network, [.. sources.ConvertAll(source => source.HostName)]);
            },
            () =>
                network.Conf.AntiSpoof
                    ? $"{Format.Count(sources.Count, "container")} can send as themselves only"
                    : "off (\"antiSpoof\": false): containers can send as each other"
        );
    }

    private static void Compare(Findings to, HostView host, NetworkView network, List<ContainerSource> sources)
    {
        using NftSocket nft = NftSocket.Open();
        foreach (ContainerSource source in sources)
        {
            Link end = host.Find(source.HostName)!;
            string? difference = source.IsRouted || end.BridgePort is null
                ? null
                : BridgePortGuard.FindDifference(host.Route, end, source.Mac);
            difference ??= SourceFilter.FindDifference(nft, network.Name, source);
            if (difference is not null)
            {
                to.Fail(
                    Name,
                    $"{difference} (container {source.ContainerId}, {source.IfName})",
                    DoctorCommand.Mend(network, "the next ADD makes the tables again when they are gone; else restart the container")
                );
                return; // the others lack the same, as a rule
            }
        }
    }

    private static void Unprotected(Findings to, NetworkView network, HashSet<string> recorded)
    {
        List<Link> others = network.HostEnds.FindAll(end => !recorded.Contains(end.Name));
        if (network.Conf.AntiSpoof && others.Count > 0)
        {
            to.Warn(
                Name,
                $"{Format.Count(others.Count, "container")} can send as others: made by a version without this protection, or while it was "
                    + $"turned off: {Format.Few(others.ConvertAll(BridgeCheck.Owner))}",
                others.Count == 1 ? "restart it" : "restart them"
            );
        }
    }
}
