using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Linux.Nftables;

/// <summary>Sets and elements out of the kernel's messages.</summary>
internal static class SetDecoder
{
    private const NFT_SET Modelled = NFT_SET.INTERVAL | NFT_SET.MAP | NFT_SET.CONCAT;

    internal static NftSet? DecodeSet(in NetlinkMessage message)
    {
        if (message.Type != (ushort)NFT_MSG.NEWSET)
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        var family = (NftFamily)reader.Header<NfGenMsg>().Family;
        string table = "",
            name = "";
        string? comment = null;
        uint keyType = 0,
            keyLength = 0,
            dataType = 0,
            dataLength = 0,
            size = 0;
        ulong handle = 0;
        NFT_SET flags = 0;
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            switch ((NFTA_SET)attribute.Type)
            {
                case NFTA_SET.TABLE:
                    table = attribute.Text();
                    break;
                case NFTA_SET.NAME:
                    name = attribute.Text();
                    break;
                case NFTA_SET.FLAGS:
                    flags = (NFT_SET)attribute.Be32();
                    break;
                case NFTA_SET.KEY_TYPE:
                    keyType = attribute.Be32();
                    break;
                case NFTA_SET.KEY_LEN:
                    keyLength = Length(attribute);
                    break;
                case NFTA_SET.DATA_TYPE:
                    dataType = attribute.Be32();
                    break;
                case NFTA_SET.DATA_LEN:
                    dataLength = Length(attribute);
                    break;
                case NFTA_SET.DESC:
                    size = DecodeSize(attribute.Nested);
                    break;
                case NFTA_SET.HANDLE:
                    handle = attribute.Be64();
                    break;
                case NFTA_SET.USERDATA:
                    comment = Userdata.Comment(attribute.Value, UserdataType.SetComment);
                    break;
            }
        }

        return new NftSet(new TableId(family, table), name, NftType.Decode(keyType, (int)keyLength))
        {
            Data = (flags & NFT_SET.MAP) != 0 ? NftType.Decode(dataType, (int)dataLength) : null,
            Interval = (flags & NFT_SET.INTERVAL) != 0,
            OtherFlags = (uint)(flags & ~Modelled),
            Size = size,
            Comment = comment,
            Handle = handle,
        };
    }

    /// <summary>One message's elements as the kernel keeps them; see <see cref="Ranges"/>.</summary>
    internal static List<RawElement>? DecodeElements(in NetlinkMessage message)
    {
        if (message.Type != (ushort)NFT_MSG.NEWSETELEM)
        {
            return null;
        }

        List<RawElement> elements = [];
        NetlinkReader reader = message.Reader;
        reader.Header<NfGenMsg>();
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type == (ushort)NFTA_SET_ELEM_LIST.ELEMENTS)
            {
                NetlinkReader list = attribute.Nested;
                while (list.TryRead(out NetlinkAttribute element))
                {
                    elements.Add(DecodeElement(element.Nested));
                }
            }
        }

        return elements;
    }

    /// <summary>
    /// What people call the elements: of an interval set of one field, each first key with the end that follows it. The kernel lists
    /// keys in no promised order; a range without an end reaches to the next one, or to the end of the key space.
    /// </summary>
    internal static List<SetElement> Ranges(NftSet set, List<RawElement> raw)
    {
        List<SetElement> elements = [];
        if (!set.Interval || set.Key.IsConcatenation)
        {
            foreach (RawElement one in raw)
            {
                elements.Add(one.Element);
            }

            return elements;
        }

        raw.SortBy(
            static (a, b) =>
            {
                int order = a.Element.Key.Span.SequenceCompareTo(b.Element.Key.Span);
                return order != 0 ? order : b.IsEnd.CompareTo(a.IsEnd);
            }
        );
        SetElement? open = null;
        foreach (RawElement one in raw)
        {
            if (open is not null)
            {
                elements.Add(Closed(open, one.Element.Key.Previous()));
            }

            open = one.IsEnd ? null : one.Element;
        }

        if (open is not null)
        {
            Span<byte> last = stackalloc byte[open.Key.Length];
            last.Fill(0xff);
            elements.Add(Closed(open, new NftData(last)));
        }

        return elements;
    }

    private static SetElement Closed(SetElement open, NftData last) => open with { KeyEnd = last == open.Key ? null : last };

    private static RawElement DecodeElement(NetlinkReader reader)
    {
        NftData key = default;
        NftData? end = null,
            data = null;
        Verdict? verdict = null;
        string? comment = null;
        NFT_SET_ELEM flags = 0;
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            switch ((NFTA_SET_ELEM)attribute.Type)
            {
                case NFTA_SET_ELEM.KEY:
                    DataDecoder.Decode(attribute.Nested, out key, out _);
                    break;
                case NFTA_SET_ELEM.FLAGS:
                    flags = (NFT_SET_ELEM)attribute.Be32();
                    break;
                case NFTA_SET_ELEM.USERDATA:
                    comment = Userdata.Comment(attribute.Value, UserdataType.Comment);
                    break;
                case NFTA_SET_ELEM.KEY_END:
                    DataDecoder.Decode(attribute.Nested, out NftData last, out _);
                    end = last;
                    break;
                case NFTA_SET_ELEM.DATA:
                    DataDecoder.Decode(attribute.Nested, out NftData value, out verdict);
                    data = verdict is null ? value : null;
                    break;
            }
        }

        SetElement element = new(key)
        {
            KeyEnd = end == key ? null : end,
            Data = data,
            Verdict = verdict,
            Comment = comment,
        };
        return new RawElement(element, (flags & NFT_SET_ELEM.INTERVAL_END) != 0);
    }

    private static uint DecodeSize(NetlinkReader reader)
    {
        uint size = 0;
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type == (ushort)NFTA_SET_DESC.SIZE)
            {
                size = attribute.Be32();
            }
        }

        return size;
    }

    private static uint Length(NetlinkAttribute attribute)
    {
        uint length = attribute.Be32();
        return length <= NftData.MaxLength
            ? length
            : throw new NetlinkFormatException(
                $"A set with keys or data of {length} bytes: at most {NftData.MaxLength} fit into registers."
            );
    }

    /// <summary>An element as the kernel lists it.</summary>
    internal readonly record struct RawElement(SetElement Element, bool IsEnd);
}
