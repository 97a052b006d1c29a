using System.Buffers.Binary;

namespace Twill.Agent.Names;

/// <summary>What came of reading a message.</summary>
internal enum DnsReading
{
    /// <summary>A query that can be answered.</summary>
    Query,

    /// <summary>No message that asks something: nothing is answered.</summary>
    Nothing,

    /// <summary>A query of another form: its header is answered with <see cref="DnsCode.FormatError"/>.</summary>
    Malformed,

    /// <summary>Another request than a query: <see cref="DnsCode.NotImplemented"/>.</summary>
    OtherRequest,
}

/// <summary>A query, as it was read. What it is made of stays in the message.</summary>
internal readonly struct DnsQuery
{
    private const int MostAdditional = 8;

    /// <summary>The name that is asked for, in lower case, without a dot at its end; null when it has other characters than a host's
    /// name or a service's: it is not one of ours.</summary>
    internal string? Name { get; private init; }

    /// <summary>The type.</summary>
    internal DnsType Type { get; private init; }

    /// <summary>The class.</summary>
    internal ushort Class { get; private init; }

    /// <summary>Where the question ends in the message: it begins behind the header.</summary>
    internal int QuestionEnd { get; private init; }

    /// <summary>The identifier.</summary>
    internal ushort Id { get; private init; }

    /// <summary>The second 16 bits of the header.</summary>
    internal ushort Flags { get; private init; }

    /// <summary>Whether it has the record OPT.</summary>
    internal bool HasOpt { get; private init; }

    /// <summary>The version of OPT: only 0 is known.</summary>
    internal byte OptVersion { get; private init; }

    /// <summary>Octets that an answer over UDP may have.</summary>
    internal int UdpSize { get; private init; }

    /// <summary>Reads a message.</summary>
    /// <param name="message">All of it; trailing octets are passed over.</param>
    /// <param name="query">The query; of a malformed one and another request only identifier and flags.</param>
    internal static DnsReading Read(ReadOnlySpan<byte> message, out DnsQuery query)
    {
        query = default;
        if (message.Length < DnsMessage.Header)
        {
            return DnsReading.Nothing;
        }

        ushort flags = Number(message[2..]);
        query = new DnsQuery { Id = Number(message), Flags = flags };
        if ((flags & DnsMessage.Response) != 0)
        {
            return DnsReading.Nothing;
        }

        if ((flags & DnsMessage.OpcodeMask) != 0)
        {
            return DnsReading.OtherRequest;
        }

        int additional = Number(message[10..]);
        int at = DnsMessage.Header;
        if (
            Number(message[4..]) != 1
            || Number(message[6..]) != 0
            || Number(message[8..]) != 0
            || additional > MostAdditional
            || !TryReadName(message, ref at, out string? name)
            || message.Length - at < 4
        )
        {
            return DnsReading.Malformed;
        }

        query = query with
        {
            Name = name,
            Type = (DnsType)Number(message[at..]),
            Class = Number(message[(at + 2)..]),
            QuestionEnd = at + 4,
            UdpSize = DnsMessage.SmallUdp,
        };
        return ReadAdditional(message, additional, ref query) ? DnsReading.Query : DnsReading.Malformed;
    }

    private static bool ReadAdditional(ReadOnlySpan<byte> message, int count, ref DnsQuery query)
    {
        int at = query.QuestionEnd;
        for (int i = 0; i < count; i++)
        {
            int name = at;
            if (!TrySkipName(message, ref at) || message.Length - at < 10)
            {
                return false;
            }

            ReadOnlySpan<byte> record = message[at..];
            int length = Number(record[8..]);
            if (record.Length - 10 < length)
            {
                return false;
            }

            if ((DnsType)Number(record) == DnsType.Opt)
            {
                if (query.HasOpt || message[name] != 0) // one at most, of the root (RFC 6891 section 6.1)
                {
                    return false;
                }

                query = query with
                {
                    HasOpt = true,
                    UdpSize = Math.Clamp((int)Number(record[2..]), DnsMessage.SmallUdp, DnsMessage.LargestUdp),
                    OptVersion = record[5],
                };
            }

            at += 10 + length;
        }

        return true;
    }

    /// <summary>Reads the name of a question. It has nothing before it that it could point to: a pointer is malformed.</summary>
    private static bool TryReadName(ReadOnlySpan<byte> message, ref int at, out string? name)
    {
        name = null;
        Span<char> text = stackalloc char[DnsMessage.LongestName];
        int length = 0;
        bool isOurs = true;
        while (at < message.Length)
        {
            int label = message[at++];
            if (label == 0)
            {
                name = isOurs ? new string(text[..Math.Max(0, length - 1)]) : null; // without the last dot
                return true;
            }

            if (label > 63 || message.Length - at < label || length + label + 1 > DnsMessage.LongestName - 1)
            {
                return false;
            }

            foreach (byte octet in message.Slice(at, label))
            {
                char c = (char)octet;
                isOurs &= char.IsAsciiLetterOrDigit(c) || c is '-' or '_';
                text[length++] = char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c;
            }

            text[length++] = '.';
            at += label;
        }

        return false;
    }

    /// <summary>Passes over a name, which a pointer may end.</summary>
    private static bool TrySkipName(ReadOnlySpan<byte> message, ref int at)
    {
        for (int length = 0; at < message.Length && length < DnsMessage.LongestName;)
        {
            int label = message[at++];
            if (label == 0)
            {
                return true;
            }

            if (label >= 0xC0)
            {
                return ++at <= message.Length;
            }

            if (label > 63)
            {
                return false;
            }

            at += label;
            length += label + 1;
        }

        return false;
    }

    private static ushort Number(ReadOnlySpan<byte> octets) => BinaryPrimitives.ReadUInt16BigEndian(octets);
}
