namespace Twill.Cni;

/// <summary>A version of the CNI specification. Ordered, so that code asks <c>version &gt;= CniVersion.V1_0_0</c>.</summary>
public readonly record struct CniVersion : IComparable<CniVersion>
{
    private readonly int _rank;

    private CniVersion(int major, int minor, int patch) => _rank = (major << 20) | (minor << 10) | patch;

    /// <summary>0.1.0: results with ip4 and ip6. A configuration without cniVersion means this one.</summary>
    public static CniVersion V0_1_0 { get; } = new(0, 1, 0);

    /// <summary>0.2.0: VERSION.</summary>
    public static CniVersion V0_2_0 { get; } = new(0, 2, 0);

    /// <summary>0.3.0: lists of interfaces, addresses and routes; plugin chains.</summary>
    public static CniVersion V0_3_0 { get; } = new(0, 3, 0);

    /// <summary>0.3.1: a correction of the text of 0.3.0.</summary>
    public static CniVersion V0_3_1 { get; } = new(0, 3, 1);

    /// <summary>0.4.0: CHECK, prevResult on DEL.</summary>
    public static CniVersion V0_4_0 { get; } = new(0, 4, 0);

    /// <summary>1.0.0: an address no longer says its family.</summary>
    public static CniVersion V1_0_0 { get; } = new(1, 0, 0);

    /// <summary>1.1.0: GC, STATUS, MTU of interfaces, details of routes.</summary>
    public static CniVersion V1_1_0 { get; } = new(1, 1, 0);

    /// <summary>Every version twill speaks, oldest first.</summary>
    public static IReadOnlyList<CniVersion> Supported { get; } = [V0_1_0, V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0];

    /// <summary>The newest version twill speaks.</summary>
    public static CniVersion Latest => V1_1_0;

    /// <summary>Reads <c>major.minor.patch</c>. False for anything else, pre-release suffixes included.</summary>
    public static bool TryParse(string text, out CniVersion version)
    {
        Span<int> parts = stackalloc int[3];
        int part = 0,
            digits = 0;
        version = default;
        foreach (char c in text)
        {
            if (c == '.' && digits > 0 && part < 2)
            {
                part++;
                digits = 0;
            }
            else if (char.IsAsciiDigit(c) && digits < 3 && !(digits > 0 && parts[part] == 0))
            {
                parts[part] = parts[part] * 10 + (c - '0');
                digits++;
            }
            else
            {
                return false;
            }
        }
        if (part != 2 || digits == 0)
        {
            return false;
        }

        version = new CniVersion(parts[0], parts[1], parts[2]);
        return true;
    }

    /// <summary>The supported versions in a sentence.</summary>
    public static string SupportedText => string.Join(", ", Supported);

    /// <summary>Whether twill speaks this version.</summary>
    public bool IsSupported
    {
        get
        {
            foreach (CniVersion known in Supported)
            {
                if (known == this)
                {
                    return true;
                }
            }
            return false;
        }
    }

    /// <inheritdoc/>
    public int CompareTo(CniVersion other) => _rank.CompareTo(other._rank);

    /// <summary>Older than.</summary>
    public static bool operator <(CniVersion a, CniVersion b) => a._rank < b._rank;

    /// <summary>Newer than.</summary>
    public static bool operator >(CniVersion a, CniVersion b) => a._rank > b._rank;

    /// <summary>Not newer than.</summary>
    public static bool operator <=(CniVersion a, CniVersion b) => a._rank <= b._rank;

    /// <summary>Not older than.</summary>
    public static bool operator >=(CniVersion a, CniVersion b) => a._rank >= b._rank;

    /// <summary>The form of the wire: <c>1.1.0</c>.</summary>
    public override string ToString() => $"{_rank >> 20}.{(_rank >> 10) & 1023}.{_rank & 1023}";
}
