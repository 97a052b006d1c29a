namespace Twill.Host;

/// <summary>How much a container may receive and send.</summary>
/// <param name="Ingress">Of what it receives; null: no limit.</param>
/// <param name="Egress">Of what it sends; null: no limit.</param>
public sealed record PodLimits(RateLimit? Ingress, RateLimit? Egress)
{
    /// <summary>No limits.</summary>
    public static PodLimits None { get; } = new(null, null);
}

/// <summary>A limit in one direction.</summary>
/// <param name="Rate">Bytes per second, Ethernet headers included.</param>
/// <param name="Burst">Bytes that may pass at once after a pause. Frames longer than that could never pass.</param>
public sealed record RateLimit(ulong Rate, uint Burst)
{
    // Two of the longest packets that a sender hands over in one piece (64 KiB) for the adapter, here nobody, to cut.
    private const ulong SmallestQueue = 128 * 1024;

    /// <summary>
    /// Bytes that may wait: what passes in 25 ms. A longer queue limits nothing better, it only makes packets old; a much shorter one
    /// would drop what comes in pieces of 64 KiB.
    /// </summary>
    public uint Queue => (uint)Math.Clamp(Rate / 40, SmallestQueue, int.MaxValue);

    /// <inheritdoc/>
    public override string ToString() => $"{(UInt128)Rate * 8} bit/s with bursts of {(ulong)Burst * 8} bit";
}
