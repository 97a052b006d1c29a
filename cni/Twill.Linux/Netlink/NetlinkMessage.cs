namespace Twill.Linux.Netlink;

/// <summary>One received message. Valid until the next is received from the same socket.</summary>
public readonly ref struct NetlinkMessage
{
    internal const ushort Noop = 1,
        Error = 2,
        Done = 3,
        Overrun = 4; // NLMSG_*

    internal NetlinkMessage(ushort type, NetlinkFlags flags, uint sequence, uint portId, ReadOnlySpan<byte> payload)
    {
        Type = type;
        Flags = flags;
        Sequence = sequence;
        PortId = portId;
        Payload = payload;
    }

    /// <summary>nlmsg_type.</summary>
    public ushort Type { get; }

    /// <summary>nlmsg_flags.</summary>
    public NetlinkFlags Flags { get; }

    /// <summary>nlmsg_seq: the request's sequence number, 0 in notifications.</summary>
    public uint Sequence { get; }

    /// <summary>nlmsg_pid: the port id of the socket whose request caused the message, 0 for the kernel itself.</summary>
    public uint PortId { get; }

    /// <summary>What follows struct nlmsghdr: the family's header and the attributes.</summary>
    public ReadOnlySpan<byte> Payload { get; }

    /// <summary>A reader at the start of <see cref="Payload"/>.</summary>
    public NetlinkReader Reader => new(Payload);
}
