using System.Net;
using Twill.Linux.WireGuard;
using Twill.System;

namespace Twill.Host.Reconcile;

/// <summary>A host as a WireGuard device knows it.</summary>
/// <param name="Device">Name of this host's device.</param>
/// <param name="PublicKey">The other host's key.</param>
public readonly record struct TunnelEnd(string Device, WireGuardKey PublicKey)
{
    /// <summary>As the log shows it.</summary>
    public override string ToString() => $"WireGuard peer {PublicKey}";
}

/// <summary>`wg set DEVICE peer KEY endpoint ENDPOINT persistent-keepalive SECONDS preshared-key KEY allowed-ips SUBNETS`.</summary>
/// <param name="Endpoint">Where it is reached; null: wherever it is reached now.</param>
/// <param name="AllowedIPs">The host's subnets, sorted.</param>
/// <param name="PresharedKey">The key mixed into handshakes; null for none.</param>
/// <param name="KeepaliveSeconds">Seconds between keep-alive packets; 0 for none.</param>
public sealed record TunnelPeer(
    IPEndPoint? Endpoint,
    IReadOnlyList<IPNetwork> AllowedIPs,
    WireGuardSecret? PresharedKey,
    ushort KeepaliveSeconds
)
{
    /// <summary>Whether it was authentically heard of lately (the kernel's word, never wanted): its session is good.</summary>
    public bool IsHeardOf { get; init; }

    /// <summary>Seconds since the last handshake was completed (the kernel's word, never wanted); null: there was none.</summary>
    public double? HandshakeAge { get; init; }

    /// <summary>
    /// What a handshake is good for (REJECT_AFTER_TIME of the protocol): after that nothing is sent before there was another one.
    /// </summary>
    internal static TimeSpan SessionTime { get; } = TimeSpan.FromSeconds(180);

    /// <summary>The peer as a device has it.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="now">The time.</param>
    public static TunnelPeer Of(WireGuardPeer peer, DateTimeOffset now) =>
        new(peer.Endpoint, InOrder(peer.AllowedIPs), peer.PresharedKey, peer.KeepaliveSeconds)
        {
            IsHeardOf = now - peer.LastHandshake < SessionTime,
            HandshakeAge = peer.LastHandshake is { } last ? Math.Max(0, (now - last).TotalSeconds) : null,
        };

    /// <summary>The order in which equal lists are equal.</summary>
    public static IReadOnlyList<IPNetwork> InOrder(IEnumerable<IPNetwork> prefixes)
    {
        List<IPNetwork> sorted = [.. prefixes];
        sorted.SortBy(static (one, other) =>
        {
            int order = one.BaseAddress.GetAddressBytes().AsSpan().SequenceCompareTo(other.BaseAddress.GetAddressBytes());
            return order != 0 ? order : one.PrefixLength - other.PrefixLength;
        });
        return sorted;
    }

    /// <summary>
    /// What has to be written so that the peer is as wanted; null for nothing. Another endpoint than the published one is where its packets
    /// really come from: as long as its session is good that is left, for who knows what is in between.
    /// </summary>
    /// <param name="wanted">How it should be.</param>
    /// <param name="actual">How it is; null: not there.</param>
    internal static TunnelPeer? Correction(TunnelPeer wanted, TunnelPeer? actual)
    {
        bool reached = actual is not null && (Equals(wanted.Endpoint, actual.Endpoint) || actual.IsHeardOf);
        bool same =
            actual is not null
            && wanted.KeepaliveSeconds == actual.KeepaliveSeconds
            && Equals(wanted.PresharedKey, actual.PresharedKey)
            && wanted.AllowedIPs.SequenceEqual(actual.AllowedIPs);
        return reached && same ? null
            : reached ? wanted with { Endpoint = null }
            : wanted;
    }

    /// <summary>As `wg set` does it.</summary>
    internal WireGuardPeerChange ToChange(WireGuardKey publicKey) =>
        new(publicKey)
        {
            Endpoint = Endpoint,
            PresharedKey = PresharedKey ?? WireGuardSecret.None,
            KeepaliveSeconds = KeepaliveSeconds,
            AllowedIPs = AllowedIPs,
        };
}
