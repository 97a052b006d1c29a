using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Linux.WireGuard;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// A WireGuard device of a network, kept as its <see cref="WireGuardSpec"/> says. The kernel's own where it has WireGuard; where it has
/// not, the one that `wireguard-go NAME` runs, which the operator's service manager starts, for twill starts no programs.
/// </summary>
public static class WireGuardTunnel
{
    /// <summary>What `ip link` calls such devices: the kernel's own, and those of programs.</summary>
    internal static IReadOnlyList<string> Kinds { get; } = [NewWireGuard.Kind, UserSpaceWireGuard.Kind];

    /// <summary>
    /// Makes the device, or corrects it; never makes it anew, because its sessions would end with it. Its peers are left alone.
    /// </summary>
    /// <exception cref="HostException">The name or the port is taken by something that is not ours, or there is no WireGuard on this
    /// host.</exception>
    /// <exception cref="IOException">Who runs the device refused, or does not answer.</exception>
    public static OverlayDevice.Result Ensure(RouteSocket route, WireGuardSpec spec)
    {
        List<string> changes = [];
        Link? link = OverlayDevice.Find(route, spec);
        bool isNew = link is null || link.Alias != spec.Alias;
        if (link is null)
        {
            link = Make(route, spec);
            changes.Add($"made with UDP port {spec.Port}, public key {spec.PrivateKey.PublicKey}, MTU {spec.Mtu}");
        }
        else if (isNew)
        {
            changes.Add(
                $"taken over from the program that runs it, with UDP port {spec.Port}, public key {spec.PrivateKey.PublicKey}, MTU "
                    + $"{spec.Mtu}"
            );
        }

        List<string> corrections = isNew ? [] : changes;
        OverlayDevice.DisableAutoconf(spec, corrections);
        try
        {
            using (IWireGuard wireGuard = Open(link))
            {
                CorrectKeys(wireGuard, spec, corrections);
            }

            OverlayDevice.Correct(route, spec, link, mac: null, corrections);
        }
        catch (IOException e) when (e is NetlinkException { Errno: Errno.EADDRINUSE } or LibcException { Errno: Errno.EADDRINUSE })
        {
            throw new HostException(
                $"UDP port {spec.Port}, which {spec.Name} needs, is taken on this host: stop who uses it (ss -lunp sport = "
                    + $"{spec.Port}), or choose another port"
            );
        }

        return new OverlayDevice.Result(spec.Name, link.Index, isNew, changes);
    }

    /// <summary>Opens who runs the device, to look at it and to change it.</summary>
    /// <param name="link">The device.</param>
    /// <exception cref="HostException">Nobody does.</exception>
    public static IWireGuard Open(Link link)
    {
        if (link.Kind == UserSpaceWireGuard.Kind)
        {
            string socket = UserSpaceWireGuard.SocketOf(link.Name);
            return File.Exists(socket)
                ? new UserSpaceWireGuard(socket)
                : throw new HostException(
                    $"device {link.Name} is a tun device, but no program serves {socket}: end who holds the device, then "
                        + $"{HowToStart(link.Name)}"
                );
        }

        return KernelWireGuard.TryOpen(out KernelWireGuard? kernel)
            ? kernel
            : throw new HostException(
                $"device {link.Name} is of kind {link.Kind}, but the kernel's wireguard module does not answer: modprobe wireguard"
            );
    }

    /// <summary>What an operator does where the kernel has no WireGuard.</summary>
    private static string HowToStart(string name) =>
        $"start 'wireguard-go {name}' (systemctl enable --now twill-wireguard@{name}, see conf/README.md)";

    private static Link Make(RouteSocket route, WireGuardSpec spec)
    {
        try
        {
            route.Execute(new NewWireGuard(spec.Name) { Mtu = (uint)spec.Mtu });
        }
        catch (NetlinkException e) when (e.Errno == Errno.EOPNOTSUPP)
        {
            throw new HostException(
                $"this host has no WireGuard, so nothing is sent to other hosts: load the kernel's module (modprobe wireguard), or "
                    + $"{HowToStart(spec.Name)}"
            );
        }

        return route.GetLink(spec.Name);
    }

    private static void CorrectKeys(IWireGuard wireGuard, WireGuardSpec spec, List<string> changes)
    {
        WireGuardDevice device = wireGuard.Get(spec.Name);
        SetWireGuard set = new(spec.Name);
        if (!spec.PrivateKey.Clamped().Equals(device.PrivateKey))
        {
            set = set with { PrivateKey = spec.PrivateKey };
            changes.Add(
                $"has the private key of {spec.PrivateKey.PublicKey} again, instead of {device.PrivateKey?.PublicKey.ToString() ?? "none"}"
            );
        }

        if (device.ListenPort != spec.Port)
        {
            set = set with { ListenPort = spec.Port };
            changes.Add($"listens on UDP port {spec.Port} again, instead of {device.ListenPort}");
        }

        // A mark would make packets of the tunnel take routes of other tables, or pass others' firewalls.
        if (device.FirewallMark != 0)
        {
            set = set with { FirewallMark = 0 };
            changes.Add($"has no firewall mark again, instead of {device.FirewallMark}");
        }

        if (set != new SetWireGuard(spec.Name))
        {
            wireGuard.Set(set, []);
        }
    }
}
