using Twill.Linux.Netlink;

namespace Twill.Linux.TrafficControl;

/// <summary>
/// One queueing discipline of a link. (<c>tc</c> lists those of all links and leaves out the others; the kernel cannot filter that
/// list.) ENOENT when there is none; no answer but the acknowledgement where the kernel keeps a dummy, as where an ingress hook was. The
/// answer is a notification, which NLM_F_ECHO has sent to the asker too.
/// </summary>
/// <param name="Index">Interface index.</param>
/// <param name="Parent"><see cref="TcHandle.Root"/> or <see cref="TcHandle.Ingress"/>.</param>
public readonly record struct GetQdisc(int Index, uint Parent) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.GETQDISC;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Echo;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"tc qdisc show dev {names.Link(Index)} {TcHandle.Name(Parent)}";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => w.Header(new TcMsg { Index = Index, Parent = Parent });
}
