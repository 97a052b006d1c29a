using System.Net;
using Twill.Host.Backends;

namespace Twill.Agent;

/// <summary>
/// Other hosts that publish one address with different hardware addresses or keys: packets go to that address, and one of them gets them
/// all. Which one it is nobody here can tell, nor whether the other is gone (a host that was made anew, whose former lease lives on). So
/// the ways to both stay, and they are named.
/// </summary>
/// <param name="log">Is told of each once.</param>
internal sealed class SharedAddresses(Log log)
{
    /// <summary>More are not named.</summary>
    internal const int Most = 3;

    private readonly Dictionary<IPAddress, PeerPath> _first = [];
    private readonly Dictionary<IPNetwork, PeerPath> _others = []; // with the address of a first one, and another identity
    private readonly HashSet<string> _told = [];

    /// <summary>What an operator must mend, of the first few.</summary>
    internal IReadOnlyList<string> Texts { get; private set; } = [];

    /// <summary>Takes all peers.</summary>
    internal void Replace(IEnumerable<PeerPath> peers)
    {
        _first.Clear();
        _others.Clear();
        foreach (PeerPath peer in peers)
        {
            Add(peer);
        }

        Tell();
    }

    /// <summary>Takes what became of a few. What a host with several subnets shares may be found by the next look at all.</summary>
    internal void Change(IReadOnlyList<PeerPath> was, IReadOnlyList<PeerPath> now)
    {
        foreach (PeerPath peer in was)
        {
            Remove(peer);
        }

        foreach (PeerPath peer in now)
        {
            Add(peer);
        }

        Tell();
    }

    private static bool IsOneHost(PeerPath one, PeerPath other) =>
        one.VtepMac == other.VtepMac && Equals(one.PublicKey, other.PublicKey);

    private void Add(PeerPath peer)
    {
        if (peer.VtepMac is null && peer.PublicKey is null)
        {
            return; // packets go there as they are: nothing tells two hosts with one address from one host
        }

        if (!_first.TryAdd(peer.PublicIP, peer) && !IsOneHost(_first[peer.PublicIP], peer))
        {
            _others[peer.Subnet] = peer;
        }
    }

    private void Remove(PeerPath peer)
    {
        if (_others.Remove(peer.Subnet) || !_first.TryGetValue(peer.PublicIP, out PeerPath? first) || !first.Subnet.Equals(peer.Subnet))
        {
            return;
        }

        _first.Remove(peer.PublicIP);
        List<PeerPath> left = [.. _others.Values.Where(other => other.PublicIP.Equals(peer.PublicIP))];
        foreach (PeerPath other in left)
        {
            _others.Remove(other.Subnet);
        }

        left.ForEach(Add);
    }

    private void Tell()
    {
        if (_others.Count == 0 && Texts.Count == 0)
        {
            return;
        }

        List<string> texts = [];
        foreach (PeerPath other in _others.Values.Take(Most))
        {
            texts.Add(
                $"two hosts publish the address {other.PublicIP}, one with {_first[other.PublicIP].Subnet} and one with {other.Subnet}, "
                    + "and only one of them gets the packets for it: give each an address of its own (virtual machines behind NAT have "
                    + "one), or delete the key of the host that is gone"
            );
        }

        foreach (string text in texts.Where(text => !_told.Contains(text)))
        {
            log.Limited(LogLevel.Warning, text);
        }

        _told.Clear();
        _told.UnionWith(texts);
        Texts = texts;
    }
}
