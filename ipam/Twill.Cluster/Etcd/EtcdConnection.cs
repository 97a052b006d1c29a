using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Cluster;

/// <summary>A TCP connection to a member of etcd. It is known while it lasts, so that it can be given up when this host loses the address
/// that it is made from.</summary>
internal sealed class EtcdConnection : NetworkStream
{
    private readonly EtcdConnections _owner;

    public EtcdConnection(EtcdConnections owner, Socket socket)
        : base(socket, ownsSocket: true)
    {
        _owner = owner;
        Local = Plain(((IPEndPoint)socket.LocalEndPoint!).Address);
        Remote = Plain(((IPEndPoint)socket.RemoteEndPoint!).Address);
        owner.Add(this);
    }

    /// <summary>Our own address on it.</summary>
    public IPAddress Local { get; }

    /// <summary>The member's address on it.</summary>
    public IPAddress Remote { get; }

    /// <summary>The first byte that the other side sent; null before that.</summary>
    public byte? First { get; private set; }

    /// <summary>True when the connection itself has ended or failed, whatever it carried.</summary>
    public bool HasEnded { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            int count = await base.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (count > 0)
            {
                First ??= buffer.Span[0];
            }
            else if (buffer.Length > 0)
            {
                HasEnded = true;
            }

            return count;
        }
        catch (IOException)
        {
            HasEnded = true;
            throw;
        }
    }

    /// <summary>Whoever reads it sees its end at once; the stream itself stays its reader's to dispose.</summary>
    public void Abandon()
    {
        try
        {
            Socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It ended by itself meanwhile.
        }
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _owner.Remove(this);
        }

        base.Dispose(disposing);
    }
}

/// <summary>All connections of a client.</summary>
internal sealed class EtcdConnections
{
    private readonly Lock _lock = new();
    private readonly HashSet<EtcdConnection> _all = [];

    /// <summary>Our own address on the connection made last: how this host is seen from where etcd is.</summary>
    public IPAddress? LocalAddress { get; private set; }

    /// <summary>Ends what is connected from this address, or everything when it is null; running calls fail as when the connection
    /// broke. True when there was one.</summary>
    public bool Abandon(IPAddress? local)
    {
        EtcdConnection[] abandoned;
        lock (_lock)
        {
            abandoned = [.. _all.FindAll(connection => local is null || connection.Local.Equals(local))];
        }

        foreach (EtcdConnection connection in abandoned)
        {
            connection.Abandon();
        }

        return abandoned.Length > 0;
    }

    /// <summary>The other ends of what is connected.</summary>
    public IReadOnlyList<IPAddress> RemoteAddresses
    {
        get
        {
            lock (_lock)
            {
                return [.. _all.ConvertAll(connection => connection.Remote)];
            }
        }
    }

    public void Add(EtcdConnection connection)
    {
        lock (_lock)
        {
            _all.Add(connection);
            LocalAddress = connection.Local;
        }
    }

    public void Remove(EtcdConnection connection)
    {
        lock (_lock)
        {
            _all.Remove(connection);
        }
    }
}
