using System.Text;
using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>Which link: by interface index or by name.</summary>
public readonly struct LinkRef
{
    private const int LongestName = 15; // IFNAMSIZ without the NUL; longer ones are alternative names

    /// <summary>The link with this index.</summary>
    public LinkRef(int index) => Index = index;

    /// <summary>The link with this name or alternative name.</summary>
    public LinkRef(string name) => Name = name;

    /// <summary>The interface index, 0 when the link is named.</summary>
    public int Index { get; }

    /// <summary>The name, null when the link is known by its index.</summary>
    public string? Name { get; }

    /// <summary>The link with this index.</summary>
    public static implicit operator LinkRef(int index) => new(index);

    /// <summary>The link with this name or alternative name.</summary>
    public static implicit operator LinkRef(string name) => new(name);

    /// <inheritdoc/>
    public override string ToString() => Name ?? $"#{Index}";

    internal string NameIn(CommandNames names) => Name is null ? names.Link(Index) : CommandText.Quote(Name);

    internal void PutName(ref NetlinkWriter w)
    {
        if (Name is not null)
        {
            w.Put(Encoding.UTF8.GetByteCount(Name) <= LongestName ? IFLA.IFNAME : IFLA.ALT_IFNAME, Name);
        }
    }
}
