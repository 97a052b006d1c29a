using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Linux.Nftables;

/// <summary>Tables, chains, sets and values as <c>nft</c> writes them.</summary>
internal static class NftText
{
    /// <summary><c>nft STATEMENT</c>, quoted for the shell where it has to be.</summary>
    internal static string Statement(string statement)
    {
        string trimmed = statement.TrimEnd();
        return trimmed.AsSpan().ContainsAny("{};\"'*<>|&()[]$!") ? $"nft {CommandText.Quote(trimmed)}" : $"nft {trimmed}";
    }

    /// <summary><c> { PART; PART; }</c> of those parts that are not empty; nothing when all are.</summary>
    internal static string Braces(params ReadOnlySpan<string> parts)
    {
        StringBuilder text = new();
        foreach (string part in parts)
        {
            if (part.Length > 0)
            {
                text.Append(part).Append("; ");
            }
        }

        return text.Length == 0 ? "" : $" {{ {text}}}";
    }

    internal static string CommentOf(string? comment) => comment is null ? "" : $"comment \"{comment}\"";

    internal static string Handle(ulong handle) => handle == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"handle {handle} ");

    internal static string Of(BaseChain chain, NftFamily family)
    {
        string policy = chain.Policy is { } set ? $"; policy {set.ToString().ToLowerInvariant()}" : "";
        return $"type {chain.Type.ToString().ToLowerInvariant()} hook {chain.Hook.ToString().ToLowerInvariant()} priority "
            + $"{PriorityOf(chain, family)}{policy}";
    }

    /// <summary><c>set TABLE NAME { type KEY; .. }</c>, or of a map.</summary>
    internal static string Of(NftSet set)
    {
        string type = $"type {set.Key}{(set.Data is { } data ? $" : {data}" : "")}";
        string size = set.Size == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"size {set.Size}");
        return $"{(set.IsMap ? "map" : "set")} {set.Table} {set.Name}"
            + Braces(type, set.Interval ? "flags interval" : "", size, CommentOf(set.Comment));
    }

    /// <summary><c>TABLE SET { KEY : DATA, .. }</c>.</summary>
    internal static string Of(NftSet set, ReadOnlySpan<SetElement> elements)
    {
        StringBuilder text = new($"{set.Table} {set.Name} {{ ");
        string separator = "";
        foreach (SetElement element in elements)
        {
            text.Append(separator).Append(KeyOf(set, element));
            text.Append(element.Comment is null ? "" : $" {CommentOf(element.Comment)}");
            text.Append(
                element.Data is { } data && set.Data is not null ? $" : {Value(set.Data, data)}"
                : element.Verdict is { } verdict ? $" : {verdict}"
                : ""
            );
            separator = ", ";
        }

        return text.Append(" }").ToString();
    }

    /// <summary>A value of a type, of one field or several.</summary>
    internal static string Value(NftType type, NftData value)
    {
        StringBuilder text = new();
        int offset = 0;
        foreach (NftType field in type.Fields)
        {
            ReadOnlySpan<byte> bytes = value.Span[Math.Min(offset, value.Length)..];
            text.Append(text.Length == 0 ? "" : " . ").Append(Field(field, bytes[..Math.Min(field.Length, bytes.Length)]));
            offset += NftType.Padded(field.Length);
        }

        return text.ToString();
    }

    /// <summary>A value of one field.</summary>
    internal static string Field(NftType type, ReadOnlySpan<byte> value) =>
        (type.Name, value.Length) switch
        {
            ("ipv4_addr", 4) or ("ipv6_addr", 16) => new IPAddress(value).ToString(),
            ("ether_addr", 6) => new MacAddress(value).ToString(),
            ("inet_proto", 1) => IPProtocol.NameOf(value[0]),
            ("inet_service", 2) => BinaryPrimitives.ReadUInt16BigEndian(value).ToString(CultureInfo.InvariantCulture),
            ("mark", 4) => $"0x{MemoryMarshal.Read<uint>(value):x}",
            ("ifname", _) => $"\"{Encoding.UTF8.GetString(value).TrimEnd('\0')}\"",
            _ => $"0x{Convert.ToHexStringLower(value)}",
        };

    // A range of one field whose ends are those of a prefix is written as one.
    private static string KeyOf(NftSet set, SetElement element)
    {
        if (element.KeyEnd is not { } last)
        {
            return Value(set.Key, element.Key);
        }

        StringBuilder text = new();
        int offset = 0;
        foreach (NftType field in set.Key.Fields)
        {
            ReadOnlySpan<byte> from = element.Key.Span.Slice(offset, field.Length),
                to = last.Span.Slice(offset, field.Length);
            text.Append(text.Length == 0 ? "" : " . ").Append(Field(field, from));
            if (!from.SequenceEqual(to))
            {
                text.Append(
                    PrefixLength(from, to) is { } length && field.Name is "ipv4_addr" or "ipv6_addr" ? $"/{length}" : $"-{Field(field, to)}"
                );
            }

            offset += NftType.Padded(field.Length);
        }

        return text.ToString();
    }

    /// <summary>The length of the prefix that a range is; null when it is none.</summary>
    private static int? PrefixLength(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        int length = 0;
        bool same = true;
        for (int bit = 0; bit < 8 * from.Length; bit++)
        {
            int mask = 0x80 >> (bit % 8);
            bool first = (from[bit / 8] & mask) != 0,
                last = (to[bit / 8] & mask) != 0;
            same &= first == last;
            if (same)
            {
                length++;
            }
            else if (first || !last)
            {
                return null;
            }
        }

        return length;
    }

    private static string PriorityOf(BaseChain chain, NftFamily family) =>
        (chain.Priority, chain.Hook) switch
        {
            // Its names stand for other numbers.
            _ when family == NftFamily.Bridge => chain.Priority.ToString(CultureInfo.InvariantCulture),
            (ChainPriority.Filter, _) => "filter",
            (ChainPriority.Raw, _) => "raw",
            (ChainPriority.Mangle, _) => "mangle",
            (ChainPriority.Dstnat, NftHook.Prerouting) => "dstnat",
            (ChainPriority.Srcnat, NftHook.Postrouting) => "srcnat",
            _ => chain.Priority.ToString(CultureInfo.InvariantCulture),
        };
}
