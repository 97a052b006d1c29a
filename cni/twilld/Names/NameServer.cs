using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Twill.Agent.Names;

/// <summary>
/// Answers at one address, over UDP and TCP. Only who is of the network, and the host itself, is answered; others get nothing. Made for
/// whoever runs in a container: short messages, few connections, little time for each.
/// </summary>
internal sealed class NameServer : IDisposable
{
    private const int LongestQuery = 4096, // options of OPT may make it long
        MostConnections = 64;

    private static readonly TimeSpan s_longestConnection = TimeSpan.FromSeconds(10);

    private readonly NameService _service;
    private readonly Socket _udp;
    private readonly Socket _tcp;
    private readonly OpenConnections _open = new(MostConnections);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    /// <param name="address">Where. It need not be on an interface yet.</param>
    /// <param name="port">The port; 0: any that is free, of UDP and TCP.</param>
    /// <param name="service">Answers.</param>
    /// <exception cref="SocketException">The port is taken, or may not be had.</exception>
    internal NameServer(IPAddress address, int port, NameService service)
    {
        (_service, Address) = (service, address);
        _udp = Bind(new IPEndPoint(address, port), SocketType.Dgram, ProtocolType.Udp);
        try
        {
            Port = ((IPEndPoint)_udp.LocalEndPoint!).Port;
            _tcp = Bind(new IPEndPoint(address, Port), SocketType.Stream, ProtocolType.Tcp);
            _tcp.Listen(MostConnections);
        }
        catch
        {
            _udp.Dispose();
            _tcp?.Dispose();
            throw;
        }

        _running = Task.WhenAll(ReceiveAsync(), _open.AcceptAsync(_tcp, s_longestConnection, ServeAsync, _stop.Token));
    }

    /// <summary>What ended it although nobody did; null while it runs.</summary>
    internal Exception? Failure => _running.Exception;

    /// <summary>Where.</summary>
    internal IPAddress Address { get; }

    /// <summary>The port.</summary>
    internal int Port { get; }

    public void Dispose()
    {
        _stop.Cancel();
        _udp.Dispose();
        _tcp.Dispose();
    }

    private static Socket Bind(IPEndPoint at, SocketType type, ProtocolType protocol)
    {
        Socket socket = new(at.AddressFamily, type, protocol);
        try
        {
            const int IPPROTO_IP = 0,
                IP_FREEBIND = 15,
                IPPROTO_IPV6 = 41,
                IPV6_FREEBIND = 78;
            bool isIPv6 = at.AddressFamily == AddressFamily.InterNetworkV6;
            socket.SetRawSocketOption(isIPv6 ? IPPROTO_IPV6 : IPPROTO_IP, isIPv6 ? IPV6_FREEBIND : IP_FREEBIND, BitConverter.GetBytes(1));
            socket.Bind(at);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task ReceiveAsync()
    {
        byte[] message = new byte[LongestQuery],
            answer = new byte[LongestQuery];
        IPEndPoint any = new(Address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        SocketAddress client = any.Serialize();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                int length = await _udp.ReceiveFromAsync(message, SocketFlags.None, client, _stop.Token).ConfigureAwait(false);
                IPAddress from = ((IPEndPoint)any.Create(client)).Address;
                if (_service.RoleOf(from) is not { } role)
                {
                    continue;
                }

                NameVerdict verdict = _service.Answers.Answer(
                    message.AsSpan(0, length),
                    overTcp: false,
                    role == ClientRole.Container,
                    answer,
                    out int size,
                    out DnsQuery query
                );
                if (verdict == NameVerdict.Answer)
                {
                    _udp.SendTo(answer.AsSpan(0, size), SocketFlags.None, client);
                }
                else if (verdict == NameVerdict.Forward)
                {
                    SocketAddress back = new(client.Family, client.Size);
                    client.Buffer.CopyTo(back.Buffer);
                    _ = ForwardAsync(message[..length], query, from, back);
                }
            }
            catch (SocketException)
            {
                // What was sent before found nobody, or room ran out, which passes.
                await Task.Delay(1, CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ForwardAsync(byte[] message, DnsQuery query, IPAddress from, SocketAddress back)
    {
        try
        {
            byte[] answer = await _service.ForwardAsync(message, query, from, overTcp: false, _stop.Token).ConfigureAwait(false);
            _udp.SendTo(answer, SocketFlags.None, back);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Nobody is left to be told.
        }
    }

    private async Task ServeAsync(Socket connection, CancellationToken limit)
    {
        IPAddress from = ((IPEndPoint)connection.RemoteEndPoint!).Address;
        while (
            _service.RoleOf(from) is { } role
            && await DnsStream.ReadAsync(connection, LongestQuery, limit).ConfigureAwait(false) is { } message
            && await AnswerAsync(message, role, from, limit).ConfigureAwait(false) is { } framed
        )
        {
            await DnsStream.WriteAsync(connection, framed, limit).ConfigureAwait(false);
        }
    }

    /// <returns>The answer behind its length; null: none.</returns>
    private async Task<byte[]?> AnswerAsync(byte[] message, ClientRole role, IPAddress from, CancellationToken limit)
    {
        byte[] room = new byte[2 + DnsMessage.Largest];
        NameVerdict verdict = _service.Answers.Answer(
            message,
            overTcp: true,
            role == ClientRole.Container,
            room.AsSpan(2),
            out int length,
            out DnsQuery query
        );
        if (verdict == NameVerdict.Drop)
        {
            return null;
        }

        if (verdict == NameVerdict.Forward)
        {
            byte[] answer = await _service.ForwardAsync(message, query, from, overTcp: true, limit).ConfigureAwait(false);
            length = answer.Length;
            answer.CopyTo(room, 2);
        }

        BinaryPrimitives.WriteUInt16BigEndian(room, (ushort)length);
        return room[..(2 + length)];
    }
}
