using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Twill.Host.Backends;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>Where a peer is pinged. Addresses are numbers, IPv4 in the low 32 bits: there may be thousands of them.</summary>
/// <param name="Base">The first address of its subnet.</param>
/// <param name="PublicIP">The address that packets to it are sent to.</param>
/// <param name="PrefixLength">The subnet's length.</param>
/// <param name="IsIPv6">Whether the subnet is of IPv6.</param>
/// <param name="IsPublicIPv6">Whether the address is.</param>
/// <param name="IsTunnelled">Whether an overlay device carries packets to it and from it; else they cross the underlay as they are.</param>
internal readonly record struct PingTarget(
    UInt128 Base,
    UInt128 PublicIP,
    byte PrefixLength,
    bool IsIPv6,
    bool IsPublicIPv6,
    bool IsTunnelled
)
{
    internal static PingTarget Of(PeerPath peer) =>
        new(
            IPPrefix.NumberOf(peer.Subnet.BaseAddress),
            IPPrefix.NumberOf(peer.PublicIP),
            (byte)peer.Subnet.PrefixLength,
            peer.Subnet.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6,
            peer.PublicIP.AddressFamily == AddressFamily.InterNetworkV6,
            peer.VtepMac is not null || peer.PublicKey is not null
        );

    private int HostBits => (IsIPv6 ? 128 : 32) - PrefixLength;

    /// <summary>The address that is asked.</summary>
    internal UInt128 Asked(PingMeans means) =>
        means == PingMeans.Host ? PublicIP
        : means == PingMeans.Base ? Base
        : means == PingMeans.Hop && HostBits > 1 ? Base + (UInt128.One << HostBits) - 2
        : Base + 1;

    /// <summary>Whether an answer is the peer's, and came the way that containers' packets come: by the overlay device, if it has one.
    /// That of a router on a way that leads elsewhere is none.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="means">What was asked.</param>
    /// <param name="overlays">This host's overlay devices, by interface index.</param>
    internal bool IsAnswer(in Answer answer, PingMeans means, IReadOnlyDictionary<int, string> overlays) =>
        answer.IsExpired == (means == PingMeans.Hop)
        && IsHost(answer.Source, answer.IsIPv6)
        && (!IsTunnelled || means == PingMeans.Host || overlays.ContainsKey(answer.Link));

    /// <summary>Whether an address is the peer's host's: in its subnet, or the one that packets are sent to.</summary>
    private bool IsHost(UInt128 address, bool isIPv6) =>
        (isIPv6 == IsIPv6 && HostBits < 128 && (address ^ Base) >> HostBits == 0) || (isIPv6 == IsPublicIPv6 && address == PublicIP);

    internal IPNetwork Subnet => new(IPPrefix.AddressOf(Base, Family(IsIPv6)), PrefixLength);

    internal IPAddress Host => IPPrefix.AddressOf(PublicIP, Family(IsPublicIPv6));

    public override string ToString() => $"{Subnet} via {Host}";

    private static AddressFamily Family(bool isIPv6) => isIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
}

/// <summary>An answer to a ping, as it came.</summary>
/// <param name="IsExpired">Whether the ping's hop limit ended there.</param>
/// <param name="Source">Who answered.</param>
/// <param name="IsIPv6">Whether that is an address of IPv6.</param>
/// <param name="Link">Index of the link that it came by.</param>
internal readonly record struct Answer(bool IsExpired, UInt128 Source, bool IsIPv6, int Link);

/// <summary>The peers that are pinged, what is known of each, and when it has its turn. Used by one thread.</summary>
/// <param name="schedule">Says which peer is next.</param>
internal sealed class PeerTable(PingSchedule schedule)
{
    private readonly Dictionary<UInt128, int> _byBase = [];
    private readonly List<PingTarget> _targets = [];
    private readonly List<PeerStatistics> _statistics = [];

    internal int Count => _targets.Count;

    internal PingTarget TargetOf(int peer) => _targets[peer];

    internal ref PeerStatistics this[int peer] => ref CollectionsMarshal.AsSpan(_statistics)[peer];

    /// <summary>The peer whose subnet begins with this address; -1 when there is none.</summary>
    internal int Find(UInt128 first) => _byBase.GetValueOrDefault(first, -1);

    /// <summary>Takes all peers: what is known of those that stay as they were is kept.</summary>
    internal void Replace(IReadOnlyCollection<PeerPath> peers, long now)
    {
        HashSet<UInt128> there = new(peers.Count);
        foreach (PeerPath peer in peers)
        {
            PingTarget target = PingTarget.Of(peer);
            there.Add(target.Base);
            Put(target, now);
        }

        for (int i = Count - 1; i >= 0; i--)
        {
            if (!there.Contains(_targets[i].Base))
            {
                RemoveAt(i);
            }
        }
    }

    /// <summary>Takes what changed.</summary>
    internal void Change(IReadOnlyCollection<PeerPath> gone, IReadOnlyCollection<PeerPath> there, long now)
    {
        HashSet<UInt128> stay = [.. there.Select(peer => PingTarget.Of(peer).Base)];
        foreach (PeerPath peer in gone)
        {
            UInt128 first = PingTarget.Of(peer).Base;
            if (!stay.Contains(first) && Find(first) is >= 0 and int index)
            {
                RemoveAt(index);
            }
        }

        foreach (PeerPath peer in there)
        {
            Put(PingTarget.Of(peer), now);
        }
    }

    /// <summary>How a peer is, for others to read.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="toBootClock">From a time of the statistics to one of the boot clock.</param>
    internal PeerReachability Describe(int peer, Func<long, double> toBootClock)
    {
        PingTarget target = _targets[peer];
        ref PeerStatistics known = ref this[peer];
        return new PeerReachability(
            target.Subnet,
            target.Host,
            known.State,
            known.Loss,
            known.FullSizeLoss,
            known.RoundTrip,
            known.LastAnswer < 0 ? null : toBootClock(known.LastAnswer),
            known.LastHeard < 0 ? null : toBootClock(known.LastHeard)
        )
        {
            SendError = known.SendError == Errno.None ? null : $"{known.SendError}",
            ReportsFailure = known.Flags.HasFlag(PingFlags.Fails),
            HostAnswers = known.State == PeerState.Silent && known.HostAnswers,
            Fits = known.State == PeerState.LosesFullSize && known.FitsNot - known.Fits == 1 ? known.Fits : 0,
            DropsPings = known.State != PeerState.Unknown && known.DropsPings,
            ReportsSilence = known.Flags.HasFlag(PingFlags.HearsNothing),
        };
    }

    private void Put(PingTarget target, long now)
    {
        if (!_byBase.TryGetValue(target.Base, out int index))
        {
            _byBase[target.Base] = Count;
            _targets.Add(target);
            _statistics.Add(new PeerStatistics(now));
            schedule.Add(now);
        }
        else if (_targets[index] != target)
        {
            // Another host, or the same at another address: what is known is of the former one.
            (_targets[index], _statistics[index]) = (target, new PeerStatistics(now));
            schedule.Set(index, now, isUrgent: true);
        }
    }

    private void RemoveAt(int index)
    {
        int last = Count - 1;
        _byBase.Remove(_targets[index].Base);
        if (index != last)
        {
            (_targets[index], _statistics[index]) = (_targets[last], _statistics[last]);
            _byBase[_targets[index].Base] = index;
        }

        _targets.RemoveAt(last);
        _statistics.RemoveAt(last);
        schedule.Remove(index);
    }
}
