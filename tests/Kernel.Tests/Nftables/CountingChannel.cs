using Twill.Linux.Netlink;
using Twill.Linux.Nftables;

namespace Kernel.Tests.Nftables;

/// <summary>The kernel, and what it is asked.</summary>
internal sealed class CountingChannel(INetlinkChannel kernel) : INetlinkChannel
{
    internal int Sent { get; private set; }

    internal int Batches { get; private set; }

    internal int Received { get; private set; }

    public uint PortId => kernel.PortId;

    public void Send(ReadOnlySpan<byte> datagram)
    {
        Sent++;
        if (BitConverter.ToUInt16(datagram[4..]) == (ushort)NFNL_MSG.BATCH_BEGIN && !IsEmpty(datagram))
        {
            Batches++;
        }

        kernel.Send(datagram);
    }

    public int Receive(Span<byte> buffer)
    {
        Received++;
        return kernel.Receive(buffer);
    }

    public void PrepareForDumps() => kernel.PrepareForDumps();

    public void Dispose() => kernel.Dispose();

    /// <summary>Begin and end and nothing between: waits for the transactions of others, and is none.</summary>
    private static bool IsEmpty(ReadOnlySpan<byte> datagram) =>
        BitConverter.ToUInt16(datagram[(BitConverter.ToInt32(datagram) + 4)..]) == (ushort)NFNL_MSG.BATCH_END;
}
