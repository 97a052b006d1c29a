using System.Globalization;
using System.Runtime.InteropServices;
using Twill.System;

namespace Twill.Linux.Netlink;

/// <summary>
/// What the kernel says at the end: NLMSG_ERROR (struct nlmsgerr: errno, the request's header, the request unless capped, attributes) or
/// NLMSG_DONE (errno, attributes).
/// </summary>
/// <param name="Errno">0 when all went well.</param>
/// <param name="Text">The kernel's own words, and which attribute it misses or rejects.</param>
public readonly record struct NetlinkAck(Errno Errno, string? Text)
{
    private const int ErrnoLength = 4;

    private enum NLMSGERR : ushort
    {
        MSG = 1,
        OFFS = 2,
        MISS_TYPE = 5,
        MISS_NEST = 6,
    }

    /// <summary>Reads an NLMSG_ERROR or NLMSG_DONE message.</summary>
    /// <exception cref="NetlinkFormatException">It is shorter than such a message can be.</exception>
    public static NetlinkAck Parse(in NetlinkMessage message)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        if (payload.Length < ErrnoLength)
        {
            // Old kernels end some lists with a NLMSG_DONE that says nothing.
            return message.Type == NetlinkMessage.Done && payload.IsEmpty
                ? default
                : throw new NetlinkFormatException(
                    $"A netlink acknowledgement of {payload.Length} bytes: at least {ErrnoLength} are needed."
                );
        }
        Errno errno = (Errno)(-MemoryMarshal.Read<int>(payload));
        if (errno == Errno.None || (message.Flags & NetlinkFlags.AckTlvs) == 0)
        {
            return new NetlinkAck(errno, null);
        }

        int offset = ErrnoLength;
        if (message.Type == NetlinkMessage.Error)
        {
            if (payload.Length < ErrnoLength + NetlinkWriter.HeaderLength)
            {
                throw new NetlinkFormatException($"A netlink error of {payload.Length} bytes ends inside the request's header.");
            }

            uint request = MemoryMarshal.Read<uint>(payload[ErrnoLength..]);
            bool capped = (message.Flags & NetlinkFlags.Capped) != 0;
            long end = ErrnoLength + (capped ? NetlinkWriter.HeaderLength : ((long)request + 3) & ~3L);
            if (end < ErrnoLength + NetlinkWriter.HeaderLength || end > payload.Length)
            {
                throw new NetlinkFormatException($"A netlink error of {payload.Length} bytes repeats a request of {request} bytes.");
            }

            offset = (int)end;
        }
        return new NetlinkAck(errno, ReadText(new NetlinkReader(payload[offset..])));
    }

    private static string? ReadText(NetlinkReader reader)
    {
        string? text = null;
        string where = "";
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((NLMSGERR)a.Type)
            {
                case NLMSGERR.MSG:
                    text = a.Text();
                    break;
                case NLMSGERR.OFFS:
                    where += $" (at byte {a.U32().ToString(CultureInfo.InvariantCulture)} of the request)";
                    break;
                case NLMSGERR.MISS_TYPE:
                    where += $" (attribute {a.U32().ToString(CultureInfo.InvariantCulture)} is missing)";
                    break;
                case NLMSGERR.MISS_NEST:
                    where += $" (in the nest at byte {a.U32().ToString(CultureInfo.InvariantCulture)})";
                    break;
            }
        }
        return text is null && where.Length == 0 ? null : (text + where).TrimStart();
    }
}
