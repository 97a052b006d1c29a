using System.Net;
using System.Net.Sockets;

namespace Twill.Cluster;

/// <summary>One address of an endpoint, and the channel to it.</summary>
internal sealed class EtcdMember : IDisposable
{
    private readonly EtcdEndpoint _endpoint;
    private readonly Lock _lock = new();
    private EtcdChannel? _channel;

    public EtcdMember(EtcdEndpoint endpoint, IPAddress address, bool isOneOfSeveral)
    {
        _endpoint = endpoint;
        Address = address;
        Name = isOneOfSeveral ? $"{endpoint.Name} ({address})" : endpoint.Name;
    }

    public EtcdEndpoint Endpoint => _endpoint;

    public IPAddress Address { get; }

    /// <summary>How messages name it: the endpoint, and the address where the endpoint's name has several.</summary>
    public string Name { get; }

    /// <summary>The channel to it, for the caller to dispose.</summary>
    public EtcdChannel Rent()
    {
        lock (_lock)
        {
            _channel ??= new EtcdChannel(_endpoint.Url, ConnectAsync);
            _channel.AddUser();
            return _channel;
        }
    }

    /// <summary>The next call connects anew; what still runs on the old connection may go on.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _channel?.Dispose();
            _channel = null;
        }
    }

    private async ValueTask<Stream> ConnectAsync(CancellationToken cancel)
    {
        TimeSpan most = _endpoint.ConnectTimeout;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(most);
        Socket? socket = null;
        try
        {
            socket = new Socket(Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 10);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            await socket.ConnectAsync(new IPEndPoint(Address, _endpoint.Url.Port), limit.Token).ConfigureAwait(false);
            EtcdConnection connection = new(_endpoint.Connections, socket);
            return _endpoint.IsTls
                ? await EtcdTls.HandshakeAsync(connection, _endpoint.Url.IdnHost, _endpoint.Options, limit.Token).ConfigureAwait(false)
                : connection;
        }
        catch (Exception e)
        {
            socket?.Dispose();
            if (e is OperationCanceledException && !cancel.IsCancellationRequested)
            {
                throw new EtcdConnectionException(
                    EtcdErrorKind.Unreachable,
                    $"no connection within {most.TotalSeconds:0.##} s; is the host up and no firewall between?",
                    notCarriedOut: true,
                    e
                );
            }

            if (e is SocketException)
            {
                throw new EtcdConnectionException(
                    EtcdErrorKind.Unreachable,
                    $"no connection ({EtcdFault.Innermost(e)}); is etcd running there and is this its client URL?",
                    notCarriedOut: true,
                    e
                );
            }

            throw;
        }
    }
}
