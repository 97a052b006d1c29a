using Twill.Cni;
using Twill.Host;
using Twill.Linux;
using Twill.Network.Configuration;

namespace Twill.Plugin.Capabilities;

/// <summary>
/// The capability <c>bandwidth</c>: <c>runtimeConfig.bandwidth</c> with <c>ingressRate</c>, <c>ingressBurst</c> (to the container),
/// <c>egressRate</c>, <c>egressBurst</c> (from it), in bits per second and bits, keys in any case.
/// </summary>
internal static class Bandwidth
{
    /// <summary>Kubernetes' own bound, 1 Pbit/s.</summary>
    private const long MaxRate = 1_000_000_000_000_000;

    /// <summary>A bit less than 4 GiB: the kernel counts bytes in 32 bits.</summary>
    private const long MaxBurst = (1L << 35) - 1;

    /// <summary>
    /// Bursts from here on are how runtimes say that they know none (2^31-1, 2^32-1 and more: Kubernetes gives people only a rate to
    /// choose). Taken at their word, they would let the first quarter of a gigabyte of every container pass without limit.
    /// </summary>
    private const long NoBurst = int.MaxValue;

    /// <summary>Ethernet header and a VLAN tag, which come on top of the MTU.</summary>
    private const int FrameHeader = 18;

    /// <summary>What the runtime asks for.</summary>
    /// <param name="conf">the network, with the arguments of this call</param>
    /// <param name="mtu">bytes, of the container's interface: a burst must hold a frame</param>
    /// <exception cref="CniException">code 7, naming path, value and expectation</exception>
    public static PodLimits Read(TwillConf conf, int mtu)
    {
        if (conf.RuntimeConfig?["bandwidth"].Object() is not { } bandwidth)
        {
            return PodLimits.None;
        }

        RateLimit? ingress = ReadOne(bandwidth["ingressRate"], bandwidth["ingressBurst"], mtu);
        RateLimit? egress = ReadOne(bandwidth["egressRate"], bandwidth["egressBurst"], mtu);
        return ingress is null && egress is null ? PodLimits.None : new PodLimits(ingress, egress);
    }

    /// <summary>Puts the limits on a new pair.</summary>
    public static void Apply(RouteSocket host, PodLinkSpec spec, PodLimits limits, Undo undo)
    {
        if (limits.Egress is not null)
        {
            undo.Add($"delete {spec.IfbName}", () =>
            {
                using RouteSocket again = RouteSocket.Open();
                PodShaping.Delete(again, spec.IfbName);
            });
        }
        PodShaping.Apply(host, spec, limits);
    }

    private static RateLimit? ReadOne(ConfigReader rateAt, ConfigReader burstAt, int mtu)
    {
        long rate = rateAt.Long(0, 0, MaxRate),
            burst = burstAt.Long(0, 0, MaxBurst);
        if (rate == 0)
        {
            return burst == 0 ? null : rateAt.Complain<RateLimit?>($"bits per second, because {burstAt.Path} is given", null);
        }

        if (rate < 8)
        {
            rateAt.Complain($"0 (no limit) or a whole number from 8 to {MaxRate} (bits per second)", false);
        }

        if (burst == 0)
        {
            burstAt.Complain($"a number of bits, because {rateAt.Path} is given", false);
        }

        ulong bytesPerSecond = (ulong)rate / 8;
        if (burst >= NoBurst)
        {
            return new RateLimit(bytesPerSecond, DefaultBurst(bytesPerSecond));
        }

        int frame = mtu + FrameHeader;
        if (burst / 8 < frame)
        {
            burstAt.Complain($"at least {8 * frame} bits, a frame of MTU {mtu}: with less nothing would pass", false);
        }

        return new RateLimit(bytesPerSecond, (uint)(burst / 8));
    }

    /// <summary>What passes in a tenth of a second, but not less than a sender hands over in two pieces.</summary>
    private static uint DefaultBurst(ulong bytesPerSecond) => (uint)Math.Clamp(bytesPerSecond / 10, 128 * 1024, int.MaxValue);
}
