using Twill.Linux.Netlink;

namespace Twill.Linux.TrafficControl;

/// <summary><c>tc filter show dev LINK parent ffff:</c>. EINVAL when the link has no such hook.</summary>
/// <param name="Index">Interface index.</param>
/// <param name="Parent">What the filters hang on, e.g. <see cref="TcHandle.IngressQdisc"/>.</param>
public readonly record struct ListFilters(int Index, uint Parent) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.GETTFILTER;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Dump;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"tc filter show dev {names.Link(Index)} parent {TcHandle.Name(Parent)}";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => w.Header(new TcMsg { Index = Index, Parent = Parent });
}
