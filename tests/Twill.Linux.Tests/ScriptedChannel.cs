using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Linux.Tests;

/// <summary>A kernel that answers as it is told: each datagram that is sent goes to the script, which queues the answers.</summary>
internal sealed class ScriptedChannel(Action<ScriptedChannel, byte[]> script) : INetlinkChannel
{
    private readonly Queue<byte[]> _answers = new();

    public List<byte[]> Sent { get; } = [];

    public int Prepared { get; private set; }

    /// <summary>Answers that nobody took yet.</summary>
    public int Waiting => _answers.Count;

    public uint PortId => 42;

    public void Send(ReadOnlySpan<byte> datagram)
    {
        Sent.Add(datagram.ToArray());
        script(this, Sent[^1]);
    }

    public int Receive(Span<byte> buffer)
    {
        if (_answers.Count == 0)
        {
            throw new NetlinkException("receive", Errno.ETIMEDOUT, "the script is over");
        }

        byte[] answer = _answers.Dequeue();
        answer.CopyTo(buffer);
        return answer.Length;
    }

    public void PrepareForDumps() => Prepared++;

    public void Dispose() { }

    public void Answer(params byte[][] messages) => _answers.Enqueue([.. messages.SelectMany(m => m)]);

    public static uint SequenceOf(ReadOnlySpan<byte> request) => BitConverter.ToUInt32(request[8..12]);

    public static byte[] Message(ushort type, NetlinkFlags flags, uint sequence, ReadOnlySpan<byte> payload)
    {
        byte[] message = new byte[16 + (payload.Length + 3 & ~3)];
        NetlinkWriter w = new(message);
        w.BeginMessage(type, flags, sequence);
        w.EndMessage();
        BitConverter.TryWriteBytes(message, 16 + payload.Length);
        payload.CopyTo(message.AsSpan(16));
        return message;
    }

    /// <summary>NLMSG_ERROR for a request that is not repeated.</summary>
    public static byte[] Ack(uint sequence, Errno errno = Errno.None) =>
        Message(2, NetlinkFlags.Capped, sequence, [.. BitConverter.GetBytes(-(int)errno), .. new byte[16]]);

    /// <summary>NLMSG_DONE.</summary>
    public static byte[] Done(uint sequence, NetlinkFlags flags = NetlinkFlags.Multi, Errno errno = Errno.None) =>
        Message(3, flags, sequence, BitConverter.GetBytes(-(int)errno));

    /// <summary>The messages of a captured answer, with another sequence number and flags added.</summary>
    public static byte[] Replay(string reply, uint sequence, NetlinkFlags add = NetlinkFlags.None) =>
        Numbered(Captured.Reply(reply), sequence, add);

    /// <summary>The messages of a datagram, with another sequence number and flags added.</summary>
    public static byte[] Numbered(byte[] datagram, uint sequence, NetlinkFlags add = NetlinkFlags.None)
    {
        for (int at = 0; at < datagram.Length; at += BitConverter.ToInt32(datagram, at) + 3 & ~3)
        {
            BitConverter.TryWriteBytes(datagram.AsSpan(at + 8), sequence);
            BitConverter.TryWriteBytes(datagram.AsSpan(at + 6), (ushort)(BitConverter.ToUInt16(datagram, at + 6) | (ushort)add));
        }
        return datagram;
    }
}
