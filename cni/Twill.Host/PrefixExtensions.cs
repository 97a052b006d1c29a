using System.Net;

namespace Twill.Host;

/// <summary>How prefixes lie to each other.</summary>
internal static class PrefixExtensions
{
    /// <summary>Whether every address of <paramref name="inner"/> is one of <paramref name="outer"/>.</summary>
    internal static bool Covers(this IPNetwork outer, IPNetwork inner) =>
        outer.BaseAddress.AddressFamily == inner.BaseAddress.AddressFamily
        && outer.PrefixLength <= inner.PrefixLength
        && outer.Contains(inner.BaseAddress);
}
