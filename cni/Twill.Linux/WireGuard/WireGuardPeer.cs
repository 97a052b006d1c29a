using System.Net;

namespace Twill.Linux.WireGuard;

/// <summary>A peer as a device has it: what <c>wg show</c> shows of it.</summary>
public sealed class WireGuardPeer
{
    /// <summary>Its public key, by which it is known.</summary>
    public WireGuardKey PublicKey { get; internal set; }

    /// <summary>The key that is mixed into each handshake besides; null for none.</summary>
    public WireGuardSecret? PresharedKey { get; internal set; }

    /// <summary>Where packets to it are sent: as it was set, or where the last authentic packet came from; null when neither is
    /// known.</summary>
    public IPEndPoint? Endpoint { get; internal set; }

    /// <summary>Seconds between packets that keep the way open; 0 for none.</summary>
    public ushort KeepaliveSeconds { get; internal set; }

    /// <summary>When the last handshake was completed; null when there was none.</summary>
    public DateTimeOffset? LastHandshake { get; internal set; }

    /// <summary>Bytes received from it.</summary>
    public ulong Received { get; internal set; }

    /// <summary>Bytes sent to it.</summary>
    public ulong Sent { get; internal set; }

    /// <summary>What it may send from, and what is sent to it.</summary>
    public List<IPNetwork> AllowedIPs { get; } = [];
}

/// <summary>A change to a peer: <c>wg set DEVICE peer KEY ..</c>. What is left null stays.</summary>
/// <param name="PublicKey">Which peer; it is made when there is none.</param>
public sealed record WireGuardPeerChange(WireGuardKey PublicKey)
{
    /// <summary>The peer is removed; nothing else of the change counts.</summary>
    public bool Remove { get; init; }

    /// <summary>Nothing is done when there is no such peer.</summary>
    public bool UpdateOnly { get; init; }

    /// <summary>Where it is reached.</summary>
    public IPEndPoint? Endpoint { get; init; }

    /// <summary>The preshared key; <see cref="WireGuardSecret.None"/> removes it.</summary>
    public WireGuardSecret? PresharedKey { get; init; }

    /// <summary>Seconds between keep-alive packets; 0 for none.</summary>
    public ushort? KeepaliveSeconds { get; init; }

    /// <summary>What it may send from, and what is sent to it: in the place of what there is, unless <see cref="AddAllowedIPs"/> says
    /// otherwise.</summary>
    public IReadOnlyList<IPNetwork>? AllowedIPs { get; init; }

    /// <summary>Allowed addresses are added to those there are.</summary>
    public bool AddAllowedIPs { get; init; }
}
