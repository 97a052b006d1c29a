using System.Buffers.Binary;
using System.Net;
using System.Text;
using Twill.Agent.Names;

namespace Twill.Agent.Tests.Names;

/// <summary>Queries as a client writes them, and answers as it reads them.</summary>
internal static class Packets
{
    internal const ushort Id = 0x1234;

    /// <summary>A query that asks for recursion.</summary>
    /// <param name="name">The name.</param>
    /// <param name="type">The type.</param>
    /// <param name="udpSize">What OPT says; null: there is none.</param>
    internal static byte[] Query(string name, DnsType type, int? udpSize = null)
    {
        List<byte> message = [0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, (byte)(udpSize is null ? 0 : 1), .. Name(name)];
        Add16(message, (int)type);
        Add16(message, 1);
        if (udpSize is { } size)
        {
            message.AddRange([0, 0, 41]);
            Add16(message, size);
            message.AddRange([0, 0, 0, 0, 0, 0]);
        }

        return [.. message];
    }

    internal static byte[] Name(string name)
    {
        List<byte> octets = [];
        foreach (string label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            octets.Add((byte)label.Length);
            octets.AddRange(Encoding.Latin1.GetBytes(label));
        }

        return [.. octets, 0];
    }

    private static void Add16(List<byte> message, int number) => message.AddRange([(byte)(number >> 8), (byte)number]);
}

/// <summary>An answer, read independently of the code under test. Fails on what is malformed.</summary>
internal sealed class Reply
{
    private readonly byte[] _message;

    internal Reply(ReadOnlySpan<byte> message)
    {
        _message = message.ToArray();
        Id = Number(0);
        Flags = Number(2);
        int at = 12;
        for (int i = 0; i < Number(4); i++)
        {
            Question = NameAt(ref at);
            at += 4;
        }

        for (int i = 0; i < Number(6) + Number(8) + Number(10); i++)
        {
            string owner = NameAt(ref at);
            DnsType type = (DnsType)Number(at);
            uint ttl = BinaryPrimitives.ReadUInt32BigEndian(_message.AsSpan(at + 4));
            int length = Number(at + 8);
            string data = DataAt(type, at + 10, length);
            (i < Number(6) ? Answers : i < Number(6) + Number(8) ? Authority : Additional).Add(new(owner, type, ttl, data));
            at += 10 + length;
        }

        at.Should().Be(_message.Length);
    }

    internal sealed record Row(string Owner, DnsType Type, uint Ttl, string Data);

    internal ushort Id { get; }

    internal ushort Flags { get; }

    internal string? Question { get; }

    internal DnsCode Code => (DnsCode)(Flags & 15);

    internal bool IsTruncated => (Flags & 0x200) != 0;

    internal bool IsAuthoritative => (Flags & 0x400) != 0;

    internal List<Row> Answers { get; } = [];

    internal List<Row> Authority { get; } = [];

    internal List<Row> Additional { get; } = [];

    internal IEnumerable<string> Data => Answers.Select(row => row.Data);

    private string DataAt(DnsType type, int at, int length)
    {
        switch (type)
        {
            case DnsType.A or DnsType.Aaaa:
                return new IPAddress(_message.AsSpan(at, length)).ToString();
            case DnsType.Ptr or DnsType.Ns:
                return NameAt(ref at);
            case DnsType.Srv:
                int name = at + 6;
                return $"{Number(at + 4)} {NameAt(ref name)}";
            default:
                return Convert.ToHexString(_message.AsSpan(at, length));
        }
    }

    private string NameAt(ref int at)
    {
        List<string> labels = [];
        int? behind = null;
        while (true)
        {
            int length = _message[at++];
            if (length == 0)
            {
                at = behind ?? at;
                return string.Join('.', labels);
            }

            if (length >= 0xC0)
            {
                int to = (length & 0x3F) << 8 | _message[at++];
                behind ??= at;
                to.Should().BeLessThan(at - 2, "a pointer leads back");
                at = to;
                continue;
            }

            labels.Add(Encoding.Latin1.GetString(_message, at, length));
            at += length;
        }
    }

    private ushort Number(int at) => BinaryPrimitives.ReadUInt16BigEndian(_message.AsSpan(at));
}
