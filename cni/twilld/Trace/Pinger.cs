using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.System;

namespace Twill.Agent.Trace;

/// <summary>What came of asking an address.</summary>
/// <param name="RoundTrip">how long the answer took, in milliseconds; null: there was none</param>
/// <param name="Refusal">why the kernel did not send; null: it did</param>
internal readonly record struct PingAnswer(double? RoundTrip, string? Refusal)
{
    internal bool IsThere => RoundTrip is not null;

    /// <summary>For people, behind the address.</summary>
    internal string Text =>
        RoundTrip is { } milliseconds ? string.Create(CultureInfo.InvariantCulture, $"answers after {milliseconds:0.00} ms")
        : Refusal is { } refusal ? $"cannot be asked: {refusal}"
        : "does not answer";
}

/// <summary>Asks addresses from one place: by ping, and by TCP.</summary>
/// <param name="place">the network namespace to ask from; null: this host's</param>
/// <param name="source">the address to ask from; null: the kernel's choice</param>
internal sealed class Pinger(NetNs? place, IPAddress? source)
{
    private const int Tries = 3,
        Milliseconds = 500;

    private static readonly TimeSpan s_connect = TimeSpan.FromSeconds(2);

    private readonly ushort _identifier = (ushort)Random.Shared.Next(1, ushort.MaxValue);
    private ushort _sequence;

    /// <summary>Pings up to three times.</summary>
    /// <param name="address">whom</param>
    /// <param name="size">bytes of a packet, IP header included; may not be fragmented</param>
    internal PingAnswer Ping(IPAddress address, int size = 64)
    {
        bool isIPv6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        try
        {
            using EchoSocket? socket = place is null ? Open(address) : place.Run(() => Open(address));
            if (socket is null)
            {
                return new PingAnswer(null, $"{source} is on no interface there");
            }

            byte[] packet = new byte[Math.Max(size - EchoPacket.IPHeaderLength(isIPv6), EchoPacket.HeaderLength)],
                buffer = new byte[256];
            Errno refused = Errno.None;
            for (int i = 0; i < Tries; i++)
            {
                EchoPacket.WriteRequest(packet, isIPv6, _identifier, ++_sequence);
                long start = Stopwatch.GetTimestamp();
                refused = socket.Send(IPPrefix.NumberOf(address), packet);
                if (refused == Errno.None && Wait(socket, buffer, address, start) is { } milliseconds)
                {
                    return new PingAnswer(milliseconds, null);
                }
            }

            return new PingAnswer(null, refused == Errno.None ? null : $"{refused}");
        }
        catch (LibcException e)
        {
            return new PingAnswer(null, e.Message);
        }
    }

    /// <summary>Asks a TCP port.</summary>
    /// <returns>whether the host answered, and what came of it, behind the address</returns>
    internal (bool IsThere, string Text) Connect(IPAddress address, int port)
    {
        try
        {
            using Socket socket = place is null ? NewSocket(address) : place.Run(() => NewSocket(address));
            if (source is not null)
            {
                socket.Bind(new IPEndPoint(source, 0));
            }

            using CancellationTokenSource limit = new(s_connect);
            socket.ConnectAsync(new IPEndPoint(address, port), limit.Token).AsTask().GetAwaiter().GetResult();
            return (true, "is open");
        }
        catch (OperationCanceledException)
        {
            return (false, "does not answer");
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return (true, "is refused: nobody listens there");
        }
        catch (Exception e) when (e is SocketException or LibcException)
        {
            return (false, $"cannot be asked: {e.Message}");
        }
    }

    private static Socket NewSocket(IPAddress address) => new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);

    private EchoSocket? Open(IPAddress address) => source is null ? EchoSocket.Open(address.AddressFamily) : EchoSocket.TryOpen(source);

    private double? Wait(EchoSocket socket, byte[] buffer, IPAddress from, long start)
    {
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds is var spent and < Milliseconds)
        {
            EchoSocket.Wait([socket], (int)Math.Max(1, Milliseconds - spent));
            while (socket.TryReceive(buffer, out Echo echo, out UInt128 sender, out _))
            {
                if (echo is { IsReply: true } && echo.Identifier == _identifier && sender == IPPrefix.NumberOf(from))
                {
                    return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                }
            }
        }

        return null;
    }
}
