using Twill.Linux.Netlink;

namespace Twill.Linux.TrafficControl;

/// <summary>
/// <c>tc qdisc del dev LINK root</c> or <c>.. ingress</c>, with the filters on it. ENOENT when there is none (or only the kernel's own
/// default), EINVAL for an ingress hook that is not there.
/// </summary>
/// <param name="Index">Interface index.</param>
/// <param name="Parent"><see cref="TcHandle.Root"/> or <see cref="TcHandle.Ingress"/>.</param>
public readonly record struct DeleteQdisc(int Index, uint Parent) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.DELQDISC;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"tc qdisc del dev {names.Link(Index)} {TcHandle.Name(Parent)}";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        bool ingress = Parent == TcHandle.Ingress;
        w.Header(
            new TcMsg
            {
                Index = Index,
                Handle = ingress ? TcHandle.IngressQdisc : 0,
                Parent = Parent,
            }
        );
        if (ingress)
        {
            w.Put(TCA.KIND, "ingress");
        }
    }
}
