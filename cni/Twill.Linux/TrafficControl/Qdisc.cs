using Twill.Linux.Netlink;

namespace Twill.Linux.TrafficControl;

/// <summary>A queueing discipline as the kernel describes it (RTM_NEWQDISC): a line of <c>tc qdisc show</c>.</summary>
public sealed class Qdisc
{
    /// <summary>Index of the interface it is on.</summary>
    public required int Index { get; init; }

    /// <summary>Its handle, <see cref="TcHandle.First"/> for <c>1:</c>; 0 for the kernel's own defaults.</summary>
    public required uint Handle { get; init; }

    /// <summary>What it hangs on: <see cref="TcHandle.Root"/>, <see cref="TcHandle.Ingress"/>, or another one.</summary>
    public required uint Parent { get; init; }

    /// <summary><c>tbf</c>, <c>ingress</c>, <c>noqueue</c>, ..</summary>
    public string Kind { get; private set; } = "";

    /// <summary>Parameters of a token bucket filter; null for other kinds.</summary>
    public TbfDetails? Tbf { get; private set; }

    /// <inheritdoc/>
    public override string ToString() => $"{Kind} {Handle >> 16:x}: dev #{Index}";

    /// <summary>Reads RTM_NEWQDISC. Attributes that are not known are skipped.</summary>
    /// <returns>Null for any other message.</returns>
    /// <exception cref="NetlinkFormatException">The message is malformed.</exception>
    public static Qdisc? Decode(in NetlinkMessage message)
    {
        if (message.Type != RTM.NEWQDISC)
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        TcMsg header = reader.Header<TcMsg>();
        Qdisc qdisc = new()
        {
            Index = header.Index,
            Handle = header.Handle,
            Parent = header.Parent,
        };
        while (reader.TryRead(out NetlinkAttribute a))
        {
            // The kernel sends the kind before the options that depend on it.
            switch ((TCA)a.Type)
            {
                case TCA.KIND:
                    qdisc.Kind = a.Text();
                    break;
                case TCA.OPTIONS when qdisc.Kind == "tbf":
                    qdisc.Tbf = TbfDetails.Decode(a.Nested);
                    break;
            }
        }
        return qdisc;
    }
}
