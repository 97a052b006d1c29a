using System.Text;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>
/// A protocol buffer message, built and read by field numbers (https://protobuf.dev/programming-guides/encoding/): the few kinds of
/// fields that the CRI calls of these tests use.
/// </summary>
internal sealed class ProtoMessage
{
    private const int Varint = 0,
        Fixed64 = 1,
        Bytes = 2,
        Fixed32 = 5;

    private readonly MemoryStream _encoded = new();
    private readonly List<(int Field, ulong Number, byte[] Content)> _fields = [];

    internal byte[] Encoded => _encoded.ToArray();

    internal static ProtoMessage Parse(byte[] encoded)
    {
        ProtoMessage message = new();
        MemoryStream rest = new(encoded);
        while (rest.Position < rest.Length)
        {
            ulong key = ReadVarint(rest);
            (int field, int kind) = ((int)(key >> 3), (int)(key & 7));
            switch (kind)
            {
                case Varint:
                    message._fields.Add((field, ReadVarint(rest), []));
                    break;
                case Bytes:
                    message._fields.Add((field, 0, ReadBytes(rest, (int)ReadVarint(rest))));
                    break;
                case Fixed64:
                    ReadBytes(rest, 8);
                    break;
                case Fixed32:
                    ReadBytes(rest, 4);
                    break;
                default:
                    throw new InvalidDataException($"field {field} has the unknown wire type {kind}");
            }
        }

        return message;
    }

    internal ProtoMessage Add(int field, ulong number)
    {
        WriteVarint((ulong)field << 3 | Varint);
        WriteVarint(number);
        return this;
    }

    internal ProtoMessage Add(int field, string text) => Add(field, Encoding.UTF8.GetBytes(text));

    internal ProtoMessage Add(int field, ProtoMessage message) => Add(field, message.Encoded);

    /// <summary>A map of strings: one message of key and value per entry.</summary>
    internal ProtoMessage Add(int field, IReadOnlyDictionary<string, string> map)
    {
        foreach ((string key, string value) in map)
        {
            Add(field, new ProtoMessage().Add(1, key).Add(2, value));
        }

        return this;
    }

    internal bool Flag(int field) => Number(field) != 0;

    internal ulong Number(int field) => _fields.LastOrDefault(f => f.Field == field).Number;

    internal string Text(int field) => Encoding.UTF8.GetString(Content(field));

    internal ProtoMessage Message(int field) => Parse(Content(field));

    internal IReadOnlyList<ProtoMessage> Messages(int field) => [.. _fields.Where(f => f.Field == field).Select(f => Parse(f.Content))];

    private byte[] Content(int field) => _fields.LastOrDefault(f => f.Field == field).Content ?? [];

    private ProtoMessage Add(int field, byte[] content)
    {
        WriteVarint((ulong)field << 3 | Bytes);
        WriteVarint((ulong)content.Length);
        _encoded.Write(content);
        return this;
    }

    private void WriteVarint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            _encoded.WriteByte((byte)(value | 0x80));
        }

        _encoded.WriteByte((byte)value);
    }

    private static ulong ReadVarint(MemoryStream from)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            int next = from.ReadByte();
            if (next < 0)
            {
                throw new EndOfStreamException("a message ends within a number");
            }

            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }

    private static byte[] ReadBytes(MemoryStream from, int length)
    {
        byte[] bytes = new byte[length];
        from.ReadExactly(bytes);
        return bytes;
    }
}
