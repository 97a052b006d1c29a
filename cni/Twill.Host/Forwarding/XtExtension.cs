using System.Text;
using Twill.Linux.Nftables.Expressions;

namespace Twill.Host.Forwarding;

/// <summary>An extension of iptables inside a rule: NFTA_MATCH_NAME, _REV, _INFO, and for targets the same numbers.</summary>
internal static class XtExtension
{
    private const int NameAttribute = 1,
        InfoAttribute = 3,
        Header = 4;

    /// <summary>Its name; empty when it cannot be told.</summary>
    public static string NameOf(UnknownExpression expression) => TextOf(expression, NameAttribute);

    /// <summary>The text of <c>-m comment</c>: struct xt_comment_info is nothing else.</summary>
    public static string CommentOf(UnknownExpression expression) => TextOf(expression, InfoAttribute);

    /// <summary>What it asks, as the kernel's structure for it has it; empty when it cannot be told.</summary>
    public static byte[] InfoOf(UnknownExpression expression) => ValueOf(expression, InfoAttribute);

    private static string TextOf(UnknownExpression expression, ushort wanted)
    {
        ReadOnlySpan<byte> text = ValueOf(expression, wanted);
        int end = text.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
    }

    private static byte[] ValueOf(UnknownExpression expression, ushort wanted)
    {
        ReadOnlySpan<byte> data = Convert.FromHexString(expression.Data);
        while (data.Length >= Header)
        {
            int length = BitConverter.ToUInt16(data);
            if (length < Header || length > data.Length)
            {
                break;
            }

            if (BitConverter.ToUInt16(data[2..]) == wanted)
            {
                return data[Header..length].ToArray();
            }
            data = data[Math.Min((length + 3) & ~3, data.Length)..];
        }
        return [];
    }
}
