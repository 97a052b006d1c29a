using Twill.Host.Attachments;
using Twill.Linux;
using Twill.Linux.Nftables;

namespace Twill.Host.AntiSpoof;

/// <summary>Deletes a container's interface, and then what it may send as: as long as it can send, it is looked at.</summary>
public static class HostEndRemoval
{
    /// <summary>Does so; what is gone already is no error.</summary>
    /// <param name="host">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="records">What containers may send as.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="hostName">The host end.</param>
    /// <param name="others">Set when it is another network's, and stays.</param>
    public static void Run(RouteSocket host, AttachmentRecords records, string network, string hostName, out bool others)
    {
        ContainerSource? source = records.Read(hostName);
        using NftSocket? nft = source is null ? null : NftSocket.Open();
        AttachmentTable.All.Delete(host, network, hostName, out others, nft);
        if (source is not null)
        {
            SourceFilter.Remove(nft!, network, source);
        }

        records.Remove(hostName);
    }
}
