using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Twill.Testing;

/// <summary>Damage to documents, the same for the same seed: what fuzz tests feed to programs.</summary>
public static class Mutation
{
    private static readonly string[] s_strangers =
    [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1",
        "65536",
        "2147483648",
        "1e999",
        "99999999999999999999",
        "0.5",
        "\"\"",
        "\"x\"",
        "\" \"",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud800\"",
        "[]",
        "{}",
        "[null]",
        "[[]]",
        "[{}]",
        "{\"a\":null}",
        "\"10.0.0.0/8\"",
        "\"10.0.0.1/8\"",
        "\"fd00::/8\"",
        "\"::ffff:10.0.0.1\"",
        "\"255.255.255.255/0\"",
        "\"10.0.0.0/33\"",
        "\"../..\"",
        "\"a/b\"",
        "\"eth%d\"",
        "\"eth0\"",
        "\"lo\"",
        "\"1.1.0\"",
        "\"0.1.0\"",
        "\"0.0.0.0\"",
        "\"02:00:00:00:00:01\"",
        "\"sixteen-letters-\"",
    ];

    /// <summary>A protobuf message in which one to four fields, at any depth, have another value, are gone, doubled, of another number or
    /// of another wire type. It still is a message.</summary>
    public static byte[] OfProtobuf(Random random, byte[] message)
    {
        for (int changes = random.Next(1, 5); changes > 0; changes--)
        {
            message = OfField(random, message);
        }

        return message;
    }

    private static byte[] OfField(Random random, byte[] message)
    {
        if (Fields(message) is not { Count: > 0 } fields)
        {
            return message;
        }

        int at = random.Next(fields.Count);
        (int number, int type, byte[] value) = fields[at];
        bool isMessage = type == 2 && value.Length > 0 && Fields(value) is not null;
        switch (random.Next(isMessage ? 12 : 6))
        {
            case 0:
                fields.RemoveAt(at);
                break;
            case 1:
                fields.Insert(random.Next(fields.Count), fields[at]);
                break;
            case 2:
                fields[at] = (random.Next(1, 12), type, value);
                break;
            case 3:
                fields[at] = type == 2 ? (number, 0, Varint((ulong)random.Next(5))) : (number, 2, value);
                break;
            case <= 5:
                fields[at] = (number, type, type == 2 ? OfBytes(random, value) : Varint((ulong)(random.NextInt64() >> random.Next(64))));
                break;
            default:
                fields[at] = (number, type, OfField(random, value));
                break;
        }

        List<byte> bytes = [];
        foreach ((int Number, int Type, byte[] Value) field in fields)
        {
            bytes.AddRange(Varint((ulong)((field.Number << 3) | field.Type)));
            if (field.Type == 2)
            {
                bytes.AddRange(Varint((ulong)field.Value.Length));
            }

            bytes.AddRange(field.Value);
        }

        return [.. bytes];
    }

    /// <summary>The fields of a message of numbers (wire type 0) and of texts and messages (2); null when it is none.</summary>
    private static List<(int Number, int Type, byte[] Value)>? Fields(byte[] message)
    {
        List<(int, int, byte[])> fields = [];
        for (int at = 0; at < message.Length;)
        {
            if (!TryVarint(message, ref at, out ulong tag) || tag >> 3 is 0 or > 1000)
            {
                return null;
            }

            int start = at;
            if (!TryVarint(message, ref at, out ulong value))
            {
                return null;
            }

            switch (tag & 7)
            {
                case 0:
                    fields.Add(((int)(tag >> 3), 0, message[start..at]));
                    break;
                case 2 when value <= (ulong)(message.Length - at):
                    fields.Add(((int)(tag >> 3), 2, message[at..(at + (int)value)]));
                    at += (int)value;
                    break;
                default:
                    return null;
            }
        }

        return fields;
    }

    private static bool TryVarint(byte[] bytes, ref int at, out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 64 && at < bytes.Length; shift += 7)
        {
            byte next = bytes[at++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return true;
            }
        }

        return false;
    }

    private static byte[] Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        return [.. bytes, (byte)value];
    }

    /// <summary>Bytes changed, cut off, taken out or doubled, at one to four places.</summary>
    public static byte[] OfBytes(Random random, byte[] bytes)
    {
        bytes = [.. bytes];
        for (int changes = random.Next(1, 5); changes > 0 && bytes.Length > 0; changes--)
        {
            int at = random.Next(bytes.Length),
                length = random.Next(1, 20);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes = bytes[..at];
                    break;
                case 3:
                    bytes = [.. bytes[..at], .. bytes[Math.Min(at + length, bytes.Length)..]];
                    break;
                default:
                    bytes = [.. bytes[..at], .. bytes[Math.Max(0, at - length)..]];
                    break;
            }
        }

        return bytes;
    }

    /// <summary>
    /// A document that is still one: values replaced by others of any kind, members removed, doubled, renamed or moved elsewhere, lists
    /// grown. One to three places.
    /// </summary>
    /// <param name="random">decides</param>
    /// <param name="json">an object</param>
    /// <param name="keep">paths such as `ipam.dataDir` that stay as they are, and with them what they are in</param>
    public static string OfJson(Random random, string json, params string[] keep)
    {
        for (int changes = random.Next(1, 4); changes > 0; changes--)
        {
            try
            {
                json = Changed(random, json, keep);
            }
            catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
            {
                return json; // a doubled key or half a character: the document is damaged beyond what can be changed further
            }
        }

        return json;
    }

    private static string Changed(Random random, string json, string[] keep)
    {
        JsonNode root = JsonNode.Parse(json)!;
        List<(JsonNode Parent, string Path, string Step)> places = [];
        Collect(root, "", places);
        places.RemoveAll(p => Array.Exists(keep, k => k == p.Path || k.StartsWith(p.Path + ".", StringComparison.Ordinal)));
        if (places.Count == 0)
        {
            return json;
        }

        (JsonNode parent, _, string step) = places[random.Next(places.Count)];
        (JsonNode from, _, string other) = places[random.Next(places.Count)];
        string stranger = s_strangers[random.Next(s_strangers.Length)];
        return Change(random.Next(8), root, parent, step, Get(from, other)?.ToJsonString() ?? "null", stranger);
    }

    private static string Change(int kind, JsonNode root, JsonNode parent, string step, string elsewhere, string stranger)
    {
        const string Mark = "\"the value goes here\"";
        switch (kind)
        {
            case 0:
                Remove(parent, step);
                return root.ToJsonString();
            case 1 when parent is JsonObject renamed:
                JsonNode? value = renamed[step];
                renamed.Remove(step);
                renamed[step.ToUpperInvariant()] = value;
                return root.ToJsonString();
            case 2 when parent is JsonObject twice:
                string text = twice.ToJsonString(),
                    member = $"\"{step}\":{stranger}";
                return root.ToJsonString().Replace(text, $"{{{member},{text[1..]}", StringComparison.Ordinal);
            case 3:
                Set(parent, step, elsewhere);
                return root.ToJsonString();
            case 4 when parent is JsonArray list:
                for (int i = 0; i < 50; i++)
                {
                    list.Add(list[0]?.DeepClone());
                }

                return root.ToJsonString();
            default:
                Set(parent, step, Mark);
                return root.ToJsonString().Replace(Mark, stranger, StringComparison.Ordinal);
        }
    }

    private static void Collect(JsonNode? node, string path, List<(JsonNode Parent, string Path, string Step)> places)
    {
        IEnumerable<(string Step, JsonNode? Child)> children = node switch
        {
            JsonObject o => o.Select(m => (m.Key, m.Value)),
            JsonArray a => a.Select((child, i) => (i.ToString(CultureInfo.InvariantCulture), child)),
            _ => [],
        };
        foreach ((string step, JsonNode? child) in children)
        {
            string below = path.Length == 0 ? step : $"{path}.{step}";
            places.Add((node!, below, step));
            Collect(child, below, places);
        }
    }

    private static JsonNode? Get(JsonNode parent, string step) => parent is JsonArray list ? list[Index(step)] : parent[step];

    private static void Set(JsonNode parent, string step, string json)
    {
        JsonNode? value = JsonNode.Parse(json);
        if (parent is JsonArray list)
        {
            list[Index(step)] = value;
        }
        else
        {
            parent[step] = value;
        }
    }

    private static void Remove(JsonNode parent, string step)
    {
        if (parent is JsonArray list)
        {
            list.RemoveAt(Index(step));
        }
        else
        {
            parent.AsObject().Remove(step);
        }
    }

    private static int Index(string step) => int.Parse(step, CultureInfo.InvariantCulture);
}
