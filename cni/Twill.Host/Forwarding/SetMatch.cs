using System.Net;
using System.Text;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;
using Twill.System;

namespace Twill.Host.Forwarding;

/// <summary>Whether a kind of packets is in a set: all of them, none, or perhaps some.</summary>
internal static class SetMatch
{
    private const int NameLength = 16; // IFNAMSIZ

    /// <param name="elements">The set's elements; null when they cannot be told.</param>
    /// <param name="source">What of the packet is looked up.</param>
    /// <param name="packet">The packets.</param>
    /// <param name="state">Of their connection.</param>
    /// <param name="found">The element that all of them are in.</param>
    internal static MatchResult Find(
        IReadOnlyList<SetElement>? elements,
        NftExpression source,
        ProbePacket packet,
        CtState state,
        out SetElement? found
    )
    {
        found = null;
        if (elements is not null && packet.Transport is null && source is Meta { Key: MetaKey.L4Proto })
        {
            return HasPorts(elements) ? MatchResult.Perhaps : MatchResult.No; // ICMP alone, say
        }

        if (elements is null || KeysOf(source, packet, state) is not (byte[] first, byte[] last))
        {
            return MatchResult.Perhaps;
        }

        bool some = false;
        foreach (SetElement element in elements)
        {
            ReadOnlySpan<byte> from = element.Key.Span,
                to = (element.KeyEnd ?? element.Key).Span;
            if (from.Length != first.Length)
            {
                return MatchResult.Perhaps; // one part of several
            }

            if (from.SequenceCompareTo(first) <= 0 && to.SequenceCompareTo(last) >= 0)
            {
                found = element;
                return MatchResult.Yes;
            }
            some |= from.SequenceCompareTo(last) <= 0 && to.SequenceCompareTo(first) >= 0;
        }
        return some ? MatchResult.Perhaps : MatchResult.No;
    }

    private static bool HasPorts(IReadOnlyList<SetElement> protocols)
    {
        foreach (SetElement element in protocols)
        {
            byte first = element.Key.Span[0],
                last = (element.KeyEnd ?? element.Key).Span[0];
            if (Has(IPProtocol.Tcp) || Has(IPProtocol.Udp))
            {
                return true;
            }

            bool Has(byte protocol) => first <= protocol && protocol <= last;
        }
        return false;
    }

    /// <summary>The first and the last key that these packets may have, as the kernel has them in registers.</summary>
    private static (byte[] First, byte[] Last)? KeysOf(NftExpression source, ProbePacket packet, CtState state) =>
        source switch
        {
            Payload payload when packet.HasSource(payload) => Addresses(packet.Source),
            Payload payload when packet.HasDestination(payload) => Addresses(packet.Destination),
            Meta { Key: MetaKey.IifName } => Name(packet.Iif),
            Meta { Key: MetaKey.OifName } => Name(packet.Oif),
            Meta { Key: MetaKey.BriIifName or MetaKey.BriOifName } => Name(packet.Within),
            Meta { Key: MetaKey.Iif } => Index(packet.Iif),
            Meta { Key: MetaKey.Oif } => Index(packet.Oif),
            Meta { Key: MetaKey.NfProto } => One([packet.IsIPv6 ? (byte)10 : (byte)2]),
            Meta { Key: MetaKey.L4Proto } when packet.Transport is { } transport => One([transport.Protocol]),
            Payload { Base: PayloadBase.Transport } part when TransportMatch.BytesOf(part, packet.Transport) is { } bytes => One(bytes),
            Ct { Key: CtKey.State } => One(BitConverter.GetBytes((uint)state)),
            _ => null,
        };

    private static (byte[], byte[])? Addresses(IPNetwork? prefix)
    {
        if (prefix is not { } addresses)
        {
            return null;
        }

        SetElement range = SetElement.Of(addresses);
        return (range.Key.Span.ToArray(), (range.KeyEnd ?? range.Key).Span.ToArray());
    }

    private static (byte[], byte[])? Name(InterfaceRef? link)
    {
        if (link is null)
        {
            return null;
        }

        byte[] name = new byte[NameLength];
        Encoding.UTF8.GetBytes(link.Name, name);
        return One(name);
    }

    private static (byte[], byte[])? Index(InterfaceRef? link) =>
        link is { Index: > 0 } known ? One(BitConverter.GetBytes(known.Index)) : null;

    private static (byte[], byte[])? One(byte[] key) => (key, key);
}
