using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>
/// How elements are written. A plain set: the key. An interval set of one field: two elements, the first key and, flagged as an end, the
/// key behind the last, which is left out where the range reaches the end of the key space. An interval set of several
/// fields: one element with both bounds, inclusive.
/// </summary>
internal static class ElementsMessage
{
    /// <summary>What the elements of one message may take: a nested attribute is shorter than 64 KB.</summary>
    private const int MaxLength = 60_000;

    /// <summary>Cuts a list into parts that fit into one message each.</summary>
    internal static List<ReadOnlyMemory<SetElement>> Parts(ReadOnlySpan<SetElement> elements)
    {
        SetElement[] all = elements.ToArray();
        List<ReadOnlyMemory<SetElement>> parts = [];
        int start = 0,
            length = 0;
        for (int i = 0; i < all.Length; i++)
        {
            int next = MaxLengthOf(all[i]);
            if (length + next > MaxLength)
            {
                parts.Add(all.AsMemory(start, i - start));
                (start, length) = (i, 0);
            }

            length += next;
        }

        if (start < all.Length)
        {
            parts.Add(all.AsMemory(start));
        }

        return parts;
    }

    internal static void Write(ref NetlinkWriter w, NftSet set, ReadOnlySpan<SetElement> elements, bool withData)
    {
        if (elements.IsEmpty)
        {
            throw new ArgumentException($"set {set.Name}: no elements given (without any, the kernel would take all for meant)");
        }

        w.Header(new NfGenMsg(set.Table.Family));
        w.Put(NFTA_SET_ELEM_LIST.TABLE, set.Table.Name);
        w.Put(NFTA_SET_ELEM_LIST.SET, set.Name);
        Nest list = w.Begin(NFTA_SET_ELEM_LIST.ELEMENTS);
        ushort number = 0;
        foreach (SetElement element in elements)
        {
            Check(set, element, withData);
            Nest start = w.Begin((NFTA_LIST)(++number));
            w.PutData(NFTA_SET_ELEM.KEY, element.Key);
            if (set.Interval && set.Key.IsConcatenation)
            {
                w.PutData(NFTA_SET_ELEM.KEY_END, element.KeyEnd ?? element.Key);
            }

            if (withData)
            {
                PutMapped(ref w, element);
                w.PutComment(NFTA_SET_ELEM.USERDATA, UserdataType.Comment, element.Comment);
            }

            w.End(start);
            if (set.Interval && !set.Key.IsConcatenation && (element.KeyEnd ?? element.Key).TryNext(out NftData behind))
            {
                Nest end = w.Begin((NFTA_LIST)(++number));
                w.PutBe32(NFTA_SET_ELEM.FLAGS, (uint)NFT_SET_ELEM.INTERVAL_END);
                w.PutData(NFTA_SET_ELEM.KEY, behind);
                w.End(end);
            }
        }

        w.End(list);
    }

    // Attribute headers and padding rounded up; a character of UTF-16 is at most three bytes of UTF-8.
    private static int MaxLengthOf(SetElement element) =>
        64
        + (2 * element.Key.Length)
        + (element.Data?.Length ?? 0)
        + (3 * (element.Verdict?.Chain?.Length ?? 0))
        + (3 * (element.Comment?.Length ?? 0));

    private static void PutMapped(ref NetlinkWriter w, SetElement element)
    {
        if (element.Verdict is { } verdict)
        {
            w.PutVerdict(NFTA_SET_ELEM.DATA, verdict);
        }
        else if (element.Data is { } data)
        {
            w.PutData(NFTA_SET_ELEM.DATA, data);
        }
    }

    private static void Check(NftSet set, SetElement element, bool withData)
    {
        int keyLength = set.Key.Length;
        if (element.Key.Length != keyLength || (element.KeyEnd is { } end && end.Length != keyLength))
        {
            throw new ArgumentException($"set {set.Name}: element {element}: expected keys of {keyLength} bytes ({set.Key})");
        }

        if (element.KeyEnd is { } last && (!set.Interval || last.Span.SequenceCompareTo(element.Key.Span) < 0))
        {
            throw new ArgumentException(
                $"set {set.Name}: element {element}: "
                    + $"{(set.Interval ? "the range ends before it begins" : "a range in a set that is not of intervals")}"
            );
        }

        if (withData && !MatchesData(set, element))
        {
            throw new ArgumentException(
                $"set {set.Name}: element {element}: expected {set.Data?.Name ?? "no"} data of {set.Data?.Length ?? 0} bytes"
            );
        }
    }

    private static bool MatchesData(NftSet set, SetElement element) =>
        set.Data switch
        {
            null => element.Data is null && element.Verdict is null,
            { IsVerdict: true } => element.Data is null && element.Verdict is not null,
            { } data => element.Verdict is null && element.Data is { } value && value.Length == data.Length,
        };
}
