using System.Net;

namespace Twill.Linux.Nftables;

/// <summary>
/// One element of a set or map. In an interval set it may be a range: <see cref="Key"/> to <see cref="KeyEnd"/>, both inclusive; of a
/// concatenation every field has its own range. Equal when all parts are.
/// </summary>
/// <param name="Key">The key, or the first of a range: as long as the set's key type, fields of a concatenation padded.</param>
public sealed record SetElement(NftData Key)
{
    /// <summary>The last key of a range; null when the element is the one key.</summary>
    public NftData? KeyEnd { get; init; }

    /// <summary>What a map leads to.</summary>
    public NftData? Data { get; init; }

    /// <summary>What a verdict map leads to.</summary>
    public Verdict? Verdict { get; init; }

    /// <summary>Shown by `nft list`; at most 127 bytes.</summary>
    public string? Comment { get; init; }

    /// <summary>One address.</summary>
    public static SetElement Of(IPAddress address) => new(NftData.Of(address));

    /// <summary>All addresses of a prefix, for an interval set.</summary>
    public static SetElement Of(IPNetwork prefix)
    {
        Span<byte> last = stackalloc byte[16];
        prefix.BaseAddress.TryWriteBytes(last, out int length);
        for (int bit = prefix.PrefixLength; bit < 8 * length; bit++)
        {
            last[bit / 8] |= (byte)(0x80 >> (bit % 8));
        }

        return Range(NftData.Of(prefix.BaseAddress), new NftData(last[..length]));
    }

    /// <summary>A range, both ends inclusive, for an interval set.</summary>
    public static SetElement Range(NftData first, NftData last) => new(first) { KeyEnd = last == first ? null : last };

    /// <summary>A concatenated key: `tcp . 8080`.</summary>
    public static SetElement Of(params ReadOnlySpan<NftData> fields) => new(fields.Length == 1 ? fields[0] : NftData.Concat(fields));

    /// <summary>This key leading to data, of one field or several: `tcp . 8080 : 10.244.7.5 . 80`.</summary>
    public SetElement To(params ReadOnlySpan<NftData> fields) =>
        this with
        {
            Data = fields.Length == 1 ? fields[0] : NftData.Concat(fields),
        };

    /// <summary>This key leading to a verdict: `80 : accept`.</summary>
    public SetElement To(Verdict verdict) => this with { Verdict = verdict };

    /// <summary>`KEY[-END][ : DATA]`, hexadecimal.</summary>
    public override string ToString() =>
        $"{Key}{(KeyEnd is { } end ? $"-{end}" : "")}{(Data is { } data ? $" : {data}" : Verdict is { } verdict ? $" : {verdict}" : "")}";
}
