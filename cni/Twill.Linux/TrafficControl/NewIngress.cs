using Twill.Linux.Netlink;

namespace Twill.Linux.TrafficControl;

/// <summary><c>tc qdisc add dev LINK ingress</c>: the hook on which filters see what arrives by the link. EEXIST when it has one.</summary>
/// <param name="Index">Interface index.</param>
public readonly record struct NewIngress(int Index) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWQDISC;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Excl;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"tc qdisc add dev {names.Link(Index)} ingress";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(
            new TcMsg
            {
                Index = Index,
                Handle = TcHandle.IngressQdisc,
                Parent = TcHandle.Ingress,
            }
        );
        w.Put(TCA.KIND, "ingress");
    }
}
