namespace Twill.Linux.Netlink;

/// <summary>An attribute that holds attributes and is being written: from <see cref="NetlinkWriter.Begin"/> to
/// <see cref="NetlinkWriter.End"/>.</summary>
public readonly struct Nest
{
    internal readonly int Offset;
    internal readonly int Depth;

    internal Nest(int offset, int depth) => (Offset, Depth) = (offset, depth);
}
