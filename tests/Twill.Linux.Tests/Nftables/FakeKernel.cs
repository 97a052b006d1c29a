using System.Runtime.InteropServices;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.System;

namespace Twill.Linux.Tests.Nftables;

/// <summary>Answers what a test says to each datagram; for kernels and mishaps that the machine at hand does not have.</summary>
internal sealed class FakeKernel(Func<IReadOnlyList<FakeKernel.Sent>, IEnumerable<byte[]>> answer) : INetlinkChannel
{
    private readonly Queue<byte[]> _waiting = new();

    public uint PortId => 1;

    internal List<Sent[]> Datagrams { get; } = [];

    public void Send(ReadOnlySpan<byte> datagram)
    {
        List<Sent> messages = [];
        NetlinkMessages reader = new(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            messages.Add(new Sent(message.Type, message.Flags, message.Sequence));
        }

        Datagrams.Add([.. messages]);
        foreach (byte[] reply in answer(messages))
        {
            _waiting.Enqueue(reply);
        }
    }

    public int Receive(Span<byte> buffer)
    {
        if (!_waiting.TryDequeue(out byte[]? datagram))
        {
            throw new NetlinkException("receive", Errno.ETIMEDOUT, "the kernel did not answer");
        }

        datagram.CopyTo(buffer);
        return datagram.Length;
    }

    public void PrepareForDumps() { }

    public void Dispose() { }

    /// <summary>NLMSG_ERROR for a message: errno, its header.</summary>
    internal static byte[] Ack(uint sequence, Errno errno)
    {
        byte[] reply = new byte[36];
        MemoryMarshal.Write(reply, 36);
        MemoryMarshal.Write(reply.AsSpan(4), (ushort)2);
        MemoryMarshal.Write(reply.AsSpan(6), (ushort)NetlinkFlags.Capped);
        MemoryMarshal.Write(reply.AsSpan(8), sequence);
        MemoryMarshal.Write(reply.AsSpan(16), -(int)errno);
        MemoryMarshal.Write(reply.AsSpan(20), 20);
        return reply;
    }

    /// <summary>A message with this payload behind its header.</summary>
    internal static byte[] Message(NFT_MSG type, uint sequence, byte[] payload, NetlinkFlags flags = NetlinkFlags.None)
    {
        byte[] message = new byte[16 + payload.Length];
        MemoryMarshal.Write(message, message.Length);
        MemoryMarshal.Write(message.AsSpan(4), (ushort)type);
        MemoryMarshal.Write(message.AsSpan(6), (ushort)flags);
        MemoryMarshal.Write(message.AsSpan(8), sequence);
        payload.CopyTo(message, 16);
        return message;
    }

    internal sealed record Sent(ushort Type, NetlinkFlags Flags, uint Sequence);
}
