using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.System;

namespace Twill.Agent;

/// <summary>
/// A socket of each family, which sends from this host's address in its own subnet: so pings take the way of containers' packets, by
/// the same routes and policy rules.
/// </summary>
/// <param name="gatewayOf">This host's address in a subnet.</param>
internal sealed class PingSockets(Func<IPNetwork, IPAddress> gatewayOf) : IDisposable
{
    private readonly List<EchoSocket> _open = [],
        _underlay = [];
    private readonly List<IPAddress> _underlayAddresses = [];
    private IPAddress? _source,
        _sourceV6;

    /// <summary>Those that are open; of them, those of the underlay last.</summary>
    internal IReadOnlyList<EchoSocket> Open => _underlay.Count == 0 ? _open : [.. _open, .. _underlay];

    /// <summary>Why one could not be opened; null: all could that are needed.</summary>
    internal string? Problem { get; private set; }

    /// <summary>The socket of a family; null while there is none.</summary>
    internal EchoSocket? Of(bool isIPv6) => _open.Find(socket => socket.IsIPv6 == isIPv6);

    /// <summary>Opens what is missing, and anew what has another address now.</summary>
    internal void Follow(IReadOnlyList<IPNetwork> subnets)
    {
        Problem = null;
        Follow(subnets, AddressFamily.InterNetwork, ref _source);
        Follow(subnets, AddressFamily.InterNetworkV6, ref _sourceV6);
    }

    /// <summary>The socket by which hosts are asked on the underlay; null while there is none.</summary>
    internal EchoSocket? OfUnderlay(bool isIPv6) => _underlay.Find(socket => socket.IsIPv6 == isIPv6);

    /// <summary>Opens a socket for each of this host's addresses on the underlay, and closes others.</summary>
    internal void FollowUnderlay(IReadOnlyList<IPAddress> addresses)
    {
        if (addresses.SequenceEqual(_underlayAddresses))
        {
            return;
        }

        CloseUnderlay();
        _underlayAddresses.AddRange(addresses);
        foreach (IPAddress address in addresses)
        {
            try
            {
                if (EchoSocket.TryOpen(address) is { } socket)
                {
                    _underlay.Add(socket);
                }
            }
            catch (LibcException)
            {
                return; // the sockets of the network have the same trouble, and tell it
            }
        }
    }

    public void Dispose()
    {
        _open.ForEach(socket => socket.Dispose());
        _open.Clear();
        CloseUnderlay();
    }

    private void CloseUnderlay()
    {
        _underlay.ForEach(socket => socket.Dispose());
        _underlay.Clear();
        _underlayAddresses.Clear();
    }

    private void Follow(IReadOnlyList<IPNetwork> subnets, AddressFamily family, ref IPAddress? source)
    {
        EchoSocket? socket = Of(family == AddressFamily.InterNetworkV6);
        IPNetwork? first = null;
        foreach (IPNetwork subnet in subnets)
        {
            first ??= subnet.BaseAddress.AddressFamily == family ? subnet : null;
        }

        IPAddress? wanted = first is { } own ? gatewayOf(own) : null;
        if (socket is not null && (wanted?.Equals(source) ?? false))
        {
            return;
        }

        if (socket is not null)
        {
            _open.Remove(socket);
            socket.Dispose();
        }

        source = wanted;
        if (wanted is null)
        {
            return;
        }

        try
        {
            // Under another main plugin the overlay device's address is this host's only one in its subnet.
            socket = EchoSocket.TryOpen(wanted) ?? EchoSocket.TryOpen(first!.Value.BaseAddress);
            if (socket is null)
            {
                Problem ??= $"this host has no address in its subnet {first} yet ({wanted})";
            }
            else
            {
                _open.Add(socket);
            }
        }
        catch (LibcException e)
        {
            Problem ??= e.Errno == Errno.EPERM
                ? "twilld has no CAP_NET_RAW, which pings need: add it to CapabilityBoundingSet of twilld.service"
                : e.Message;
        }
    }
}
