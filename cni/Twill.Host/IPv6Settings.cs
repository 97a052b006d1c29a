using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// What the kernel's IPv6 would do of its own accord, and must not where addresses are given: wait and ask whether somebody else has an
/// address, believe in routers that announce themselves, drop addresses with a link that goes down. Touched only where containers have IPv6
/// addresses. The interfaces of others, the underlay's among them, are left as they are.
/// </summary>
public static class IPv6Settings
{
    /// <summary>RFC 8200, section 5: with a smaller MTU the kernel turns IPv6 off on an interface. Bytes.</summary>
    public const int MinMtu = 1280;

    /// <summary>
    /// The parameter without which a host drops IPv6 packets that are not for itself. It makes the host a router, which no longer takes its
    /// own addresses and default route from other routers' announcements, but by interfaces whose <c>accept_ra</c> is 2.
    /// </summary>
    public const string Forwarding = "net/ipv6/conf/all/forwarding";

    private static readonly (string Name, string Value)[] s_inside = [("accept_ra", "0"), ("accept_dad", "0"), ("disable_ipv6", "0")];

    private static readonly (string Name, string Value)[] s_asking = [("accept_ra", "0"), ("accept_dad", "1"), ("disable_ipv6", "0")];

    // A bridge that is down for a moment keeps its addresses, as it keeps those of IPv4.
    private static readonly (string Name, string Value)[] s_bridge = [.. s_inside, ("autoconf", "0"), ("keep_addr_on_down", "1")];

    /// <summary>Whether one of the addresses is of IPv6.</summary>
    public static bool IsIPv6(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary><c>sysctl net.ipv6.conf.all.forwarding=1</c>, when it is not 1.</summary>
    /// <returns>True when it was written.</returns>
    /// <exception cref="HostException">This kernel runs without IPv6.</exception>
    public static bool EnsureForwarding() => Ensure(Forwarding, "1");

    /// <summary>Whether the kernel runs without IPv6.</summary>
    public static bool IsOff => Read(Forwarding).Length == 0;

    /// <summary>Nothing, where the kernel has IPv6.</summary>
    /// <exception cref="HostException">This kernel runs without IPv6.</exception>
    public static void ThrowIfOff()
    {
        if (IsOff)
        {
            throw Without(Forwarding);
        }
    }

    /// <summary>
    /// Of the bridge: no router announcements that containers may send, no waiting for addresses, none lost when it is down for a moment.
    /// </summary>
    /// <param name="bridge">Its name; it is in the calling thread's network namespace.</param>
    /// <returns>True when something had to be written.</returns>
    /// <exception cref="HostException">This kernel runs without IPv6.</exception>
    public static bool EnsureBridge(string bridge) => EnsureLink(bridge);

    /// <summary>The same of any link of the host that containers are behind.</summary>
    internal static bool EnsureLink(string bridge)
    {
        bool written = false;
        foreach ((string name, string value) in s_bridge)
        {
            written |= Ensure(Of(bridge, name), value);
        }

        return written;
    }

    /// <summary>
    /// Of a container's interface, before it is up: nothing that another container announces, no waiting, and IPv6 on where the runtime has
    /// turned it off for the namespace (and on its loopback interface).
    /// </summary>
    /// <param name="pod">The container's namespace.</param>
    /// <param name="ifName">The interface's name inside.</param>
    /// <param name="asks">Whether it waits for addresses after all, and asks who has them.</param>
    /// <exception cref="HostException">This kernel runs without IPv6.</exception>
    public static void EnsureInside(NetNs pod, string ifName, bool asks = false) =>
        pod.Run(() =>
        {
            foreach ((string name, string value) in asks ? s_asking : s_inside)
            {
                Ensure(Of(ifName, name), value);
            }

            Ensure(Of("lo", "disable_ipv6"), "0");
        });

    /// <summary>The first parameter of the host that is not as it should be; null when all are.</summary>
    /// <param name="bridge">The bridge's name.</param>
    public static string? FindDifference(string bridge)
    {
        if (Read(Forwarding) != "1")
        {
            return "the host does not forward IPv6: net.ipv6.conf.all.forwarding is not 1";
        }

        foreach ((string name, string value) in s_bridge)
        {
            if (Read(Of(bridge, name)) != value)
            {
                return $"net.ipv6.conf.{bridge}.{name} is not {value}";
            }
        }
        return null;
    }

    /// <summary>The prefix that an address is in: its bits beyond the length cleared.</summary>
    internal static IPNetwork SubnetOf(IPAddress address, int length)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int count);
        for (int bit = length; bit < 8 * count; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        return new IPNetwork(new IPAddress(bytes[..count]), length);
    }

    private static bool Ensure(string name, string value)
    {
        try
        {
            return Sysctl.Ensure(name, value);
        }
        catch (LibcException e) when (e.Errno == Errno.ENOENT)
        {
            throw Without(name);
        }
    }

    private static string Read(string name)
    {
        try
        {
            return Sysctl.Read(name);
        }
        catch (LibcException e) when (e.Errno == Errno.ENOENT)
        {
            return "";
        }
    }

    private static HostException Without(string name) =>
        new(
            $"/proc/sys/{name} does not exist: this kernel runs without IPv6, or the interface's MTU is below {MinMtu}; "
                + "take ipv6.disable=1 from the kernel's command line, or IPv6 out of the IPAM plugin's configuration"
        );

    private static string Of(string link, string name) => $"net/ipv6/conf/{link}/{name}";
}
