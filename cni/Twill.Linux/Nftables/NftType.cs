namespace Twill.Linux.Nftables;

/// <summary>
/// The type of a set's keys or a map's data. The kernel keeps only <see cref="Id"/> for user space and works with the length; the
/// numbers are those of nft (enum datatypes in its include/datatype.h), so that `nft list` shows what is meant.
/// </summary>
public sealed class NftType : IEquatable<NftType>
{
    /// <summary>TYPE_BITS of nft: a concatenation's id holds its fields' ids, 6 bits each, the first field uppermost.</summary>
    private const int FieldBits = 6;

    private const uint VerdictId = 0xffff_ff00; // NFT_DATA_VERDICT

    private static readonly NftType[] s_known =
    [
        new(7, "ipv4_addr", 4, bigEndian: true),
        new(8, "ipv6_addr", 16, bigEndian: true),
        new(9, "ether_addr", 6, bigEndian: true),
        new(12, "inet_proto", 1, bigEndian: true),
        new(13, "inet_service", 2, bigEndian: true),
        new(19, "mark", 4, bigEndian: false),
        new(41, "ifname", 16, bigEndian: false),
    ];

    private NftType(uint id, string name, int length, bool bigEndian, NftType[]? fields = null)
    {
        Id = id;
        Name = name;
        Length = length;
        BigEndian = bigEndian;
        Fields = fields ?? [this];
    }

    /// <summary>An IPv4 address, 4 bytes.</summary>
    public static NftType Ipv4Addr => s_known[0];

    /// <summary>An IPv6 address, 16 bytes.</summary>
    public static NftType Ipv6Addr => s_known[1];

    /// <summary>A MAC address, 6 bytes.</summary>
    public static NftType EtherAddr => s_known[2];

    /// <summary>An IP protocol number, 1 byte.</summary>
    public static NftType InetProto => s_known[3];

    /// <summary>A port, 2 bytes, network byte order.</summary>
    public static NftType InetService => s_known[4];

    /// <summary>A packet mark, 4 bytes, host byte order.</summary>
    public static NftType Mark => s_known[5];

    /// <summary>An interface name, 16 bytes.</summary>
    public static NftType IfName => s_known[6];

    /// <summary>The data of a verdict map.</summary>
    public static NftType Verdict { get; } = new(VerdictId, "verdict", 0, bigEndian: false);

    /// <summary>NFTA_SET_KEY_TYPE, NFTA_SET_DATA_TYPE.</summary>
    public uint Id { get; }

    /// <summary>As `nft` writes it: `inet_proto . inet_service`.</summary>
    public string Name { get; }

    /// <summary>Length of a value in bytes; every field of a concatenation counts a multiple of 4.</summary>
    public int Length { get; }

    /// <summary>The fields of a concatenation, in order; the type itself when it is none.</summary>
    public IReadOnlyList<NftType> Fields { get; }

    /// <summary>Whether values are of several fields.</summary>
    public bool IsConcatenation => Fields.Count > 1;

    /// <summary>Whether this is the data of a verdict map.</summary>
    public bool IsVerdict => Id == VerdictId;

    internal bool BigEndian { get; }

    /// <summary>A concatenation: `inet_proto . inet_service`.</summary>
    /// <exception cref="ArgumentException">Less than two fields, more than five (30 bits of type id), or a verdict among them.</exception>
    public static NftType Concat(params ReadOnlySpan<NftType> fields)
    {
        if (fields.Length is < 2 or > 5)
        {
            throw new ArgumentException($"a concatenation has 2 to 5 fields, not {fields.Length}");
        }

        uint id = 0;
        int length = 0;
        string name = "";
        foreach (NftType field in fields)
        {
            if (field.IsVerdict || field.IsConcatenation)
            {
                throw new ArgumentException($"'{field.Name}' cannot be a field of a concatenation");
            }

            id = (id << FieldBits) | field.Id;
            length += Padded(field.Length);
            name += name.Length == 0 ? field.Name : $" . {field.Name}";
        }

        return new NftType(id, name, length, bigEndian: false, fields.ToArray());
    }

    /// <inheritdoc/>
    public bool Equals(NftType? other) => other is not null && Id == other.Id && Length == other.Length;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as NftType);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Length);

    /// <summary>As `nft` writes it.</summary>
    public override string ToString() => Name;

    internal static int Padded(int length) => (length + 3) & ~3;

    /// <summary>The type that the kernel's numbers stand for; one we have no name for keeps its number and length.</summary>
    internal static NftType Decode(uint id, int length)
    {
        if (id == VerdictId)
        {
            return Verdict;
        }

        if (Known(id) is { } known && known.Length == length)
        {
            return known;
        }

        List<NftType> fields = [];
        for (uint rest = id; rest != 0 && Known(rest & 0x3f) is { } field; rest >>= FieldBits)
        {
            fields.Insert(0, field);
        }

        if (fields.Count is >= 2 and <= 5)
        {
            NftType concat = Concat([.. fields]);
            if (concat.Id == id && concat.Length == length)
            {
                return concat;
            }
        }

        return new NftType(id, $"type {id}", length, bigEndian: false);
    }

    private static NftType? Known(uint id)
    {
        foreach (NftType type in s_known)
        {
            if (type.Id == id)
            {
                return type;
            }
        }

        return null;
    }
}
