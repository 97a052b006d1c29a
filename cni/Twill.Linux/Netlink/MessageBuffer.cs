using System.Runtime.InteropServices;

namespace Twill.Linux.Netlink;

/// <summary>Messages one behind the other, ready to be sent in one datagram. Grows as needed and is used again and again.</summary>
public sealed class MessageBuffer
{
    private byte[] _bytes;
    private List<(int Offset, uint Sequence, string Command)>? _commands;

    /// <summary>Makes an empty buffer.</summary>
    /// <param name="capacity">Room to begin with, in bytes.</param>
    public MessageBuffer(int capacity = 1024) => _bytes = new byte[capacity];

    /// <summary>Bytes in use.</summary>
    public int Length { get; private set; }

    /// <summary>The messages.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    /// <summary>The commands that the messages equal, where they start and their nlmsg_seq: empty unless they are traced.</summary>
    internal List<(int Offset, uint Sequence, string Command)> Commands => _commands ??= [];

    /// <summary>Forgets the messages.</summary>
    public void Clear()
    {
        Length = 0;
        _commands?.Clear();
    }

    /// <summary>The command that a traced message equals.</summary>
    internal string? CommandOf(uint sequence)
    {
        foreach ((_, uint its, string command) in Commands)
        {
            if (its == sequence)
            {
                return command;
            }
        }

        return null;
    }

    /// <summary>Writes a request behind the others. NLM_F_REQUEST is added to its own flags.</summary>
    /// <param name="request">What to write.</param>
    /// <param name="sequence">nlmsg_seq.</param>
    /// <param name="flags">Further flags, e.g. NLM_F_ACK.</param>
    /// <param name="family">nlmsg_type of requests whose type is <see cref="NetlinkSocket.TypeOfFamily"/>.</param>
    /// <returns>The message's length in bytes.</returns>
    public int Append<T>(in T request, uint sequence, NetlinkFlags flags = NetlinkFlags.None, ushort family = 0)
        where T : struct, INetlinkRequest
    {
        NetlinkFlags all = NetlinkFlags.Request | flags | request.Flags;
        while (true)
        {
            NetlinkWriter w = new(_bytes.AsSpan(Length));
            w.BeginMessage(T.Type == NetlinkSocket.TypeOfFamily ? family : T.Type, all, sequence);
            request.Write(ref w);
            int length = w.EndMessage();
            if (!w.IsFull)
            {
                Length += length;
                return length;
            }
            Array.Resize(ref _bytes, 2 * _bytes.Length);
        }
    }

    /// <summary>Sets flags in a message that was written before.</summary>
    /// <param name="offset">Where the message starts.</param>
    /// <param name="flags">The flags to add.</param>
    public void AddFlags(int offset, NetlinkFlags flags)
    {
        Span<byte> at = _bytes.AsSpan(0, Length).Slice(offset + 6, 2);
        MemoryMarshal.Write(at, (ushort)(MemoryMarshal.Read<ushort>(at) | (ushort)flags));
    }
}
