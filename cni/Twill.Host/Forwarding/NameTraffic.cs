using System.Globalization;
using System.Net;
using Twill.Linux.Nftables;
using Twill.System;

namespace Twill.Host.Forwarding;

/// <summary>The packets by which containers ask their host for names, at the hooks of what comes to this host.</summary>
/// <param name="Bridge">The network's bridge.</param>
/// <param name="Containers">Where the containers' addresses are.</param>
/// <param name="Server">Where names are answered for, of the same family.</param>
/// <param name="Port">The port that is answered at, which those of port 53 are led to.</param>
public sealed record NameTraffic(string Bridge, IPNetwork Containers, IPAddress Server, ushort Port)
{
    private const ushort Asked = 53;

    /// <summary>The chains of others that certainly drop them.</summary>
    public List<BlockingChain> FindBlockingChains(NftSocket nft) =>
        [.. Find(nft, NftHook.Prerouting, Asked), .. Find(nft, NftHook.Input, Port)];

    private List<BlockingChain> Find(NftSocket nft, NftHook hook, ushort port)
    {
        string number = port.ToString(CultureInfo.InvariantCulture);
        ProbePacket packet = new(
            $"by which containers ask for names, to UDP port {number} of {Server}",
            new InterfaceRef(Bridge),
            null,
            Containers,
            IPPrefix.Of(Server, IPPrefix.Bits(Server.AddressFamily))
        )
        {
            Family = Server.AddressFamily,
            Transport = new ProbeTransport(IPProtocol.Udp, port),
            IsTranslated = hook == NftHook.Input,
        };
        return BlockingChains
            .Find(nft, hook, table => BlockingChains.Sees(table, Server.AddressFamily) ? [packet] : [])
            .ConvertAll(found =>
                BlockingChain.Of(
                    found.Chain,
                    found.Stopped,
                    TunnelRemedy.For(nft, found.Chain, found.Stopped[0].Packet, port, isInput: true)
                )
            )
            .FindAll(chain => chain.IsCertain);
    }
}
