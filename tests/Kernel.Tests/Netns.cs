using Twill.Linux;
using Twill.Testing;

namespace Kernel.Tests;

/// <summary>The namespaces of tests as the library sees them.</summary>
internal static class Netns
{
    /// <summary>A socket inside the test's namespace.</summary>
    internal static RouteSocket OpenRouteSocket(TestNetns ns)
    {
        using NetNs opened = NetNs.Open(ns.Path);
        return RouteSocket.Open(opened);
    }

    /// <summary>The interface index, as `ip` sees it.</summary>
    internal static int IndexOf(this TestNetns ns, string link) => ns.IpJson($"link show dev {link}")[0].GetProperty("ifindex").GetInt32();
}
