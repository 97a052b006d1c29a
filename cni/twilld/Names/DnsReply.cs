using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Twill.Agent.Names;

/// <summary>
/// Writes an answer. Records are added as long as they fit: the first that does not makes the message a truncated one, which is asked for
/// again over TCP.
/// </summary>
internal ref struct DnsReply
{
    private const int OptLength = 11;

    private readonly Span<byte> _message;
    private readonly DnsQuery _query;
    private readonly int _limit;
    private int _length;
    private ushort _answers,
        _authorities;

    /// <param name="query">The query.</param>
    /// <param name="asked">The message that it was read from.</param>
    /// <param name="room">Where to write.</param>
    /// <param name="limit">Octets that the answer may have.</param>
    internal DnsReply(in DnsQuery query, ReadOnlySpan<byte> asked, Span<byte> room, int limit)
    {
        _message = room;
        _query = query;
        _limit = Math.Min(limit, room.Length) - (query.HasOpt ? OptLength : 0);
        _length = Math.Max(DnsMessage.Header, query.QuestionEnd);
        asked[.._length].CopyTo(room);
    }

    /// <summary>Whether a record did not fit.</summary>
    internal bool IsTruncated { get; private set; }

    /// <summary>Adds an address of the name that was asked for.</summary>
    internal void AddAddress(IPAddress address)
    {
        bool isIPv6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out int length);
        if (TryBegin(isIPv6 ? DnsType.Aaaa : DnsType.A, length))
        {
            Put(octets[..length]);
            _answers++;
        }
    }

    /// <summary>Adds a name that the address which was asked for has.</summary>
    internal void AddPointer(string name)
    {
        if (TryBegin(DnsType.Ptr, name.Length + 2))
        {
            PutName(name);
            _answers++;
        }
    }

    /// <summary>Adds a service of the name that was asked for.</summary>
    internal void AddService(ushort port, string target)
    {
        if (TryBegin(DnsType.Srv, 6 + target.Length + 2))
        {
            Put16(10); // priority, weight: as CoreDNS has them for keys that say nothing of these
            Put16(100);
            Put16(port);
            PutName(target);
            _answers++;
        }
    }

    /// <summary>Adds the server of the zone, as the answer to a question for it.</summary>
    internal void AddServer(string zone)
    {
        if (TryBegin(DnsType.Ns, $"ns.dns.{zone}".Length + 2))
        {
            PutName($"ns.dns.{zone}");
            _answers++;
        }
    }

    /// <summary>Adds the zone's record SOA, by which it is known how long there is no such name or record (RFC 2308).</summary>
    /// <param name="zone">The zone.</param>
    /// <param name="isAnswer">Whether it was asked for: then the name is the zone's.</param>
    internal void AddAuthority(string zone, bool isAnswer)
    {
        string server = $"ns.dns.{zone}",
            person = $"hostmaster.{zone}";
        int before = _length,
            rest = 10 + server.Length + 2 + person.Length + 2 + 20;
        if (_limit - _length < zone.Length + 2 + rest)
        {
            return; // who asked does without it
        }

        if (isAnswer)
        {
            PutPointer();
        }
        else
        {
            PutName(zone);
        }

        PutRecord(DnsType.Soa, rest - 10);
        PutName(server);
        PutName(person);
        foreach (uint number in (ReadOnlySpan<uint>)[1, 60, 30, 600, DnsMessage.Ttl]) // serial, refresh, retry, expire, minimum
        {
            BinaryPrimitives.WriteUInt32BigEndian(_message[_length..], number);
            _length += 4;
        }

        _ = isAnswer ? _answers++ : _authorities++;
    }

    /// <summary>Ends the message.</summary>
    /// <param name="code">What came of the query.</param>
    /// <param name="isAuthoritative">Whether this server knows all of the name.</param>
    /// <returns>Its octets.</returns>
    internal int End(DnsCode code, bool isAuthoritative)
    {
        int flags =
            DnsMessage.Response
            | DnsMessage.RecursionAvailable
            | (_query.Flags & (DnsMessage.OpcodeMask | DnsMessage.RecursionDesired | DnsMessage.CheckingDisabled))
            | (isAuthoritative ? DnsMessage.Authoritative : 0)
            | (IsTruncated ? DnsMessage.Truncated : 0)
            | ((int)code & 15);
        bool hasQuestion = _query.QuestionEnd > 0;
        BinaryPrimitives.WriteUInt16BigEndian(_message[2..], (ushort)flags);
        BinaryPrimitives.WriteUInt16BigEndian(_message[4..], (ushort)(hasQuestion ? 1 : 0));
        BinaryPrimitives.WriteUInt16BigEndian(_message[6..], _answers);
        BinaryPrimitives.WriteUInt16BigEndian(_message[8..], _authorities);
        BinaryPrimitives.WriteUInt16BigEndian(_message[10..], (ushort)(_query.HasOpt ? 1 : 0));
        if (_query.HasOpt)
        {
            Span<byte> opt = _message.Slice(_length, OptLength);
            opt.Clear();
            BinaryPrimitives.WriteUInt16BigEndian(opt[1..], (ushort)DnsType.Opt);
            BinaryPrimitives.WriteUInt16BigEndian(opt[3..], DnsMessage.LargestUdp);
            opt[5] = (byte)((int)code >> 4);
            _length += OptLength;
        }

        return _length;
    }

    private bool TryBegin(DnsType type, int length)
    {
        if (IsTruncated || _limit - _length < 12 + length || _answers == ushort.MaxValue)
        {
            IsTruncated = true;
            return false;
        }

        PutPointer();
        PutRecord(type, length);
        return true;
    }

    /// <summary>The name that was asked for, as it was written.</summary>
    private void PutPointer() => Put16(0xC000 | DnsMessage.Header);

    private void PutRecord(DnsType type, int length)
    {
        Put16((int)type);
        Put16(DnsMessage.ClassIn);
        Put16(0);
        Put16(DnsMessage.Ttl);
        Put16(length);
    }

    /// <summary>A name whose labels are short enough: it is two octets longer than its text.</summary>
    private void PutName(string name)
    {
        int at = _length++;
        foreach (char c in name)
        {
            if (c == '.')
            {
                _message[at] = (byte)(_length - at - 1);
                at = _length++;
            }
            else
            {
                _message[_length++] = (byte)c;
            }
        }

        _message[at] = (byte)(_length - at - 1);
        _message[_length++] = 0;
    }

    private void Put16(int value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_message[_length..], (ushort)value);
        _length += 2;
    }

    private void Put(scoped ReadOnlySpan<byte> octets)
    {
        octets.CopyTo(_message[_length..]);
        _length += octets.Length;
    }
}
