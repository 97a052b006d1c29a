using System.Runtime.InteropServices;
using System.Text;

namespace Twill.Linux.Nftables;

/// <summary>Entries of nftables' user data (libnftnl/udata.h): the kernel keeps it and does not read it; `nft list` shows it.</summary>
internal enum UserdataType : byte
{
    /// <summary>NFTNL_UDATA_TABLE_COMMENT, _CHAIN_COMMENT, _RULE_COMMENT, _SET_ELEM_COMMENT.</summary>
    Comment = 0,

    /// <summary>NFTNL_UDATA_SET_KEYBYTEORDER, u32 in host byte order: 0 of several fields, 1 the host's, 2 big endian.</summary>
    SetKeyByteOrder = 0,

    /// <summary>NFTNL_UDATA_SET_DATABYTEORDER.</summary>
    SetDataByteOrder = 1,

    /// <summary>NFTNL_UDATA_SET_MERGE_ELEMENTS, u32: whether nft merges neighbouring intervals.</summary>
    SetMergeElements = 2,

    /// <summary>NFTNL_UDATA_SET_DATA_INTERVAL, u32: whether a map's data are ranges.</summary>
    SetDataInterval = 6,

    /// <summary>NFTNL_UDATA_SET_COMMENT.</summary>
    SetComment = 7,
}

/// <summary>Writes user data: type, length, value, one byte each for type and length, no padding.</summary>
internal ref struct Userdata(Span<byte> room)
{
    /// <summary>NFTNL_UDATA_COMMENT_MAXLEN of nft: the longest comment that it shows, NUL included.</summary>
    private const int MaxComment = 128;

    /// <summary>Room for one comment, in bytes.</summary>
    internal const int MaxCommentEntry = 2 + MaxComment;

    private readonly Span<byte> _room = room;
    private int _length;

    internal readonly ReadOnlySpan<byte> Written => _room[.._length];

    internal void Add(UserdataType type, uint value)
    {
        _room[_length++] = (byte)type;
        _room[_length++] = sizeof(uint);
        MemoryMarshal.Write(_room[_length..], value);
        _length += sizeof(uint);
    }

    /// <exception cref="ArgumentException">Longer than nft shows, or with a NUL.</exception>
    internal void Add(UserdataType type, string comment)
    {
        int length = Encoding.UTF8.GetByteCount(comment) + 1;
        if (length > MaxComment || comment.Contains('\0'))
        {
            throw new ArgumentException($"comment '{comment}': expected at most {MaxComment - 1} bytes without NUL, got {length - 1}");
        }

        _room[_length++] = (byte)type;
        _room[_length++] = (byte)length;
        Encoding.UTF8.GetBytes(comment, _room[_length..]);
        _room[_length + length - 1] = 0;
        _length += length;
    }

    /// <summary>The comment in user data that anyone may have written: null when there is none, or the bytes make no sense.</summary>
    internal static string? Comment(ReadOnlySpan<byte> userdata, UserdataType type)
    {
        while (userdata.Length >= 2 && userdata.Length - 2 >= userdata[1])
        {
            ReadOnlySpan<byte> value = userdata.Slice(2, userdata[1]);
            if (userdata[0] == (byte)type)
            {
                int end = value.IndexOf((byte)0);
                return Encoding.UTF8.GetString(end < 0 ? value : value[..end]);
            }

            userdata = userdata[(2 + value.Length)..];
        }

        return null;
    }
}
