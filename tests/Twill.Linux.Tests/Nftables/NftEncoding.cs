using System.Runtime.InteropServices;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;
using Twill.Testing;

namespace Twill.Linux.Tests.Nftables;

/// <summary>Our bytes beside nft's, and the few named differences between them.</summary>
internal static class NftEncoding
{
    internal static readonly TableId Table = new(NftFamily.Inet, "twill-a");

    /// <summary>The whole message, header included, is what nft sent (with nft's sequence number).</summary>
    internal static void ShouldBe<T>(this T request, Golden golden)
        where T : struct, INetlinkRequest
    {
        request.ShouldBe(golden.Bytes);
        Commands.Equal(golden.Name, golden.Comments[0], request.ToCommand(Commands.Names));
    }

    internal static void ShouldBe<T>(this T request, byte[] golden)
        where T : struct, INetlinkRequest => HexRows.Equal(golden, Encode(request, MemoryMarshal.Read<uint>(golden.AsSpan(8))));

    internal static byte[] Encode<T>(T request, uint sequence = 1)
        where T : struct, INetlinkRequest
    {
        MessageBuffer buffer = new(64);
        buffer.Append(in request, sequence);
        return buffer.Bytes.ToArray();
    }

    /// <summary>The message without one attribute, which the path names by its number and those of the nests it is in.</summary>
    internal static Golden Without(this Golden golden, params int[] path) => golden.With(golden.Bytes.Without(path));

    internal static byte[] Without(this byte[] message, params int[] path) =>
        Reheaded(message, Edit(message.AsSpan(20), path, static _ => null));

    /// <summary>A set's message without the entries of its user data that describe `typeof` (3 and 4).</summary>
    internal static Golden WithoutTypeof(this Golden golden) =>
        golden.With(Reheaded(golden.Bytes, Edit(golden.Bytes.AsSpan(20), [13], static userdata =>
                {
                    List<byte> kept = [];
                    for (int at = 0; at < userdata.Length; at += 2 + userdata[at + 1])
                    {
                        if (userdata[at] is not (3 or 4))
                        {
                            kept.AddRange(userdata.AsSpan(at, 2 + userdata[at + 1]));
                        }
                    }

                    return [.. kept];
                })));

    /// <summary>The rule with every lookup naming its set by number as well, 1, 2, .. in order, as nft does.</summary>
    internal static Rule WithSetIds(this Rule rule, TableId table)
    {
        Rule named = Rule.For(table);
        uint id = 0;
        foreach (NftExpression expression in rule.Expressions)
        {
            named.Add(expression is Lookup lookup ? lookup with { SetId = ++id } : expression);
        }

        return rule.Comment is null ? named : named.WithComment(rule.Comment);
    }

    private static byte[] Reheaded(byte[] message, byte[] attributes)
    {
        byte[] result = [.. message[..20], .. attributes];
        MemoryMarshal.Write(result, result.Length);
        return result;
    }

    private static byte[] Edit(ReadOnlySpan<byte> attributes, ReadOnlySpan<int> path, Func<byte[], byte[]?> edit)
    {
        bool found = false;
        byte[] result = Edit(attributes, path, edit, ref found);
        return found ? result : throw new InvalidOperationException($"no attribute {string.Join('/', path.ToArray())} in the golden bytes");
    }

    private static byte[] Edit(ReadOnlySpan<byte> attributes, ReadOnlySpan<int> path, Func<byte[], byte[]?> edit, ref bool found)
    {
        List<byte> result = [];
        for (int at = 0; at < attributes.Length;)
        {
            ushort length = MemoryMarshal.Read<ushort>(attributes[at..]),
                type = MemoryMarshal.Read<ushort>(attributes[(at + 2)..]);
            byte[]? value = attributes[(at + 4)..(at + length)].ToArray();
            if ((type & 0x3fff) == path[0])
            {
                found |= path.Length == 1;
                value = path.Length == 1 ? edit(value) : Edit(value, path[1..], edit, ref found);
            }

            if (value is not null)
            {
                result.AddRange(BitConverter.GetBytes((ushort)(4 + value.Length)));
                result.AddRange(BitConverter.GetBytes(type));
                result.AddRange(value);
                result.AddRange(new byte[-value.Length & 3]);
            }

            at += (length + 3) & ~3;
        }

        return [.. result];
    }
}
