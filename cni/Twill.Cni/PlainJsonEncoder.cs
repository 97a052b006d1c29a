using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;

namespace Twill.Cni;

/// <summary>
/// Escapes what JSON itself demands (RFC 8259 section 7: quotation mark, backslash, control characters), and DEL and the C1 controls, which
/// a terminal would obey. All else is written as it is.
/// </summary>
/// <remarks>
/// The framework's own encoders, relaxed or not, work out a table of all 65,536 characters when the first of them is touched: a million
/// instructions, a third of what a plugin's whole ADD needs otherwise.
/// </remarks>
internal sealed class PlainJsonEncoder : JavaScriptEncoder
{
    /// <summary>The one there is.</summary>
    internal static readonly PlainJsonEncoder Instance = new();

    private PlainJsonEncoder() { }

    /// <inheritdoc/>
    public override int MaxOutputCharactersPerInputCharacter => 6; // \u0000

    /// <inheritdoc/>
    public override bool WillEncode(int unicodeScalar) => unicodeScalar is < 0x20 or '"' or '\\' or (>= 0x7f and <= 0x9f);

    /// <inheritdoc/>
    public override unsafe int FindFirstCharacterToEncode(char* text, int textLength)
    {
        ReadOnlySpan<char> all = new(text, textLength);
        for (int at = 0; at < all.Length;)
        {
            // Half a character is to be encoded as well: what it is replaced by is the framework's doing.
            if (Rune.DecodeFromUtf16(all[at..], out Rune rune, out int length) != OperationStatus.Done || WillEncode(rune.Value))
            {
                return at;
            }

            at += length;
        }
        return -1;
    }

    /// <inheritdoc/>
    public override unsafe bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        Span<char> to = new(buffer, bufferLength);
        numberOfCharactersWritten = 0;
        if (!WillEncode(unicodeScalar))
        {
            return new Rune(unicodeScalar).TryEncodeToUtf16(to, out numberOfCharactersWritten);
        }

        char letter = unicodeScalar switch
        {
            '"' or '\\' => (char)unicodeScalar,
            '\b' => 'b',
            '\f' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            _ => 'u',
        };
        int length = letter == 'u' ? 6 : 2;
        if (to.Length < length)
        {
            return false;
        }

        to[0] = '\\';
        to[1] = letter;
        for (int i = 2; i < length; i++)
        {
            to[i] = "0123456789ABCDEF"[(unicodeScalar >> (4 * (5 - i))) & 0xf];
        }

        numberOfCharactersWritten = length;
        return true;
    }
}
