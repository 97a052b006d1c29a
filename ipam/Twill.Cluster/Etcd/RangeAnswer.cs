using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Twill.Cluster;

/// <summary>
/// The answer to a range, read while it arrives: of thousands of keys neither the text nor a tree of it is ever held as a whole. What is
/// not
/// etcd's JSON is a <see cref="FormatException"/> or <see cref="JsonException"/>.
/// </summary>
internal sealed class RangeAnswer
{
    private readonly List<KeyValue> _items = [];
    private byte[] _buffer = new byte[32 << 10];
    private int _length;
    private JsonReaderState _state;
    private Section _section;
    private Field _field;
    private bool _headerSeen;
    private long _revision,
        _created,
        _modified,
        _lease;
    private string _key = "";
    private byte[] _value = [];

    private enum Section
    {
        Other,
        Header,
        Pairs,
    }

    private enum Field
    {
        Other,
        Revision,
        Key,
        Value,
        CreateRevision,
        ModRevision,
        Lease,
    }

    /// <summary>Where the next bytes go.</summary>
    public Memory<byte> Room => _buffer.AsMemory(_length);

    /// <summary>Forgets what was read: the call is made once more.</summary>
    public void Begin()
    {
        _items.Clear();
        (_length, _state, _section, _field, _headerSeen, _revision) = (0, default, Section.Other, Field.Other, false, 0);
    }

    /// <summary>Reads so many bytes that were put into <see cref="Room"/>; 0 is the end.</summary>
    public void Take(int count)
    {
        _length += count;
        Utf8JsonReader reader = new(_buffer.AsSpan(0, _length), isFinalBlock: count == 0, _state);
        while (reader.Read())
        {
            Take(ref reader);
        }

        _state = reader.CurrentState;
        int read = (int)reader.BytesConsumed;
        Buffer.BlockCopy(_buffer, read, _buffer, 0, _length - read);
        _length -= read;
        if (_length == _buffer.Length)
        {
            Array.Resize(ref _buffer, 2 * _length);
        }
    }

    /// <summary>What was read.</summary>
    public RangeResult Result() =>
        _headerSeen && _revision > 0
            ? new RangeResult(_items, _revision)
            : throw new FormatException("the header with the store's revision is missing");

    // Depth 1: the fields of the answer. Depth 2: the header's, or a pair each. Depth 3: a pair's.
    private void Take(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject when reader.CurrentDepth == 0:
                break;
            case JsonTokenType.PropertyName:
                if (reader.CurrentDepth == 1)
                {
                    _section = SectionOf(ref reader);
                }

                _field = FieldOf(ref reader);
                break;
            case JsonTokenType.StartObject when _section == Section.Pairs && reader.CurrentDepth == 2:
                (_key, _value, _created, _modified, _lease) = ("", [], 0, 0, 0);
                break;
            case JsonTokenType.EndObject when _section == Section.Pairs && reader.CurrentDepth == 2:
                _items.Add(new KeyValue(_key, _value, _created, _modified, _lease));
                break;
            case JsonTokenType.StartObject when _section == Section.Header && reader.CurrentDepth == 1:
                _headerSeen = true;
                break;
            case JsonTokenType.StartArray when _section == Section.Pairs && reader.CurrentDepth == 1:
            case JsonTokenType.EndArray or JsonTokenType.EndObject:
            case JsonTokenType.Null when reader.CurrentDepth != 2 || _section != Section.Pairs:
                break;
            default:
                TakeValue(ref reader);
                break;
        }
    }

    private void TakeValue(ref Utf8JsonReader reader)
    {
        int depth = reader.CurrentDepth;
        if (depth == 0)
        {
            throw Wrong("the answer", "an object", reader.TokenType);
        }

        if (_section == Section.Header && depth == 1)
        {
            throw Wrong("header", "an object", reader.TokenType);
        }

        if (_section == Section.Pairs && depth is 1 or 2)
        {
            throw Wrong("kvs", depth == 1 ? "an array" : "an array of objects", reader.TokenType);
        }

        if (_section == Section.Header && depth == 2 && _field == Field.Revision)
        {
            _revision = Number(ref reader);
        }

        if (_section != Section.Pairs || depth != 3)
        {
            return;
        }

        switch (_field)
        {
            case Field.Key:
                _key = Encoding.UTF8.GetString(Bytes(ref reader));
                break;
            case Field.Value:
                _value = Bytes(ref reader);
                break;
            case Field.CreateRevision:
                _created = Number(ref reader);
                break;
            case Field.ModRevision:
                _modified = Number(ref reader);
                break;
            case Field.Lease:
                _lease = Number(ref reader);
                break;
        }
    }

    private static Section SectionOf(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("header"u8) ? Section.Header
        : reader.ValueTextEquals("kvs"u8) ? Section.Pairs
        : Section.Other;

    private static Field FieldOf(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("key"u8) ? Field.Key
        : reader.ValueTextEquals("value"u8) ? Field.Value
        : reader.ValueTextEquals("create_revision"u8) ? Field.CreateRevision
        : reader.ValueTextEquals("mod_revision"u8) ? Field.ModRevision
        : reader.ValueTextEquals("lease"u8) ? Field.Lease
        : reader.ValueTextEquals("revision"u8) ? Field.Revision
        : Field.Other;

    private byte[] Bytes(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetBytesFromBase64(out byte[]? bytes)
            ? bytes
            : throw Wrong($"{_field}", "base64", reader.TokenType);

    private long Number(ref Utf8JsonReader reader)
    {
        if (
            reader.TokenType == JsonTokenType.String
            && Utf8Parser.TryParse(reader.ValueSpan, out long number, out int used)
            && used == reader.ValueSpan.Length
        )
        {
            return number;
        }

        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out number)
            ? number
            : throw Wrong($"{_field}", "a 64-bit number", reader.TokenType);
    }

    private static FormatException Wrong(string field, string expected, JsonTokenType got) =>
        new(string.Create(CultureInfo.InvariantCulture, $"'{field}' should be {expected} and is {got}"));
}
