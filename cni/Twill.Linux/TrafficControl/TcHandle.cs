namespace Twill.Linux.TrafficControl;

/// <summary>Where in an interface's tree of queueing disciplines something hangs: <c>tc</c>'s <c>root</c>, <c>ingress</c>,
/// <c>1:</c>.</summary>
public static class TcHandle
{
    /// <summary>TC_H_ROOT: the queueing discipline of what leaves.</summary>
    public const uint Root = 0xffff_ffff;

    /// <summary>TC_H_INGRESS: where the hook for what arrives hangs.</summary>
    public const uint Ingress = 0xffff_fff1;

    /// <summary>ffff: - that hook itself, and so the parent of its filters.</summary>
    public const uint IngressQdisc = 0xffff_0000;

    /// <summary>1: - the first one.</summary>
    public const uint First = 0x0001_0000;

    /// <summary>As <c>tc</c> writes it.</summary>
    internal static string Name(uint handle) =>
        handle switch
        {
            Root => "root",
            Ingress => "ingress",
            _ => $"{handle >> 16:x}:{handle & 0xffff:x}".TrimEnd('0'),
        };
}
