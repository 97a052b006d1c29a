using System.Net;
using System.Net.Sockets;
using Twill.Host;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.Network.Configuration;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>The overlay device: every parameter that decides whether other hosts are understood.</summary>
internal static class OverlayCheck
{
    private const string Name = "overlay";

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        BackendConf backend = network.Conf.Backend;
        if (!backend.HasDevice)
        {
            return;
        }

        to.Look(
            Name,
            () =>
            {
                foreach (IPAddress address in network.Node?.PublicAddresses ?? [])
                {
                    string name = network.OverlayNameOf(address.AddressFamily);
                    if (host.Find(name) is { } device)
                    {
                        Look(to, host, network, device, address);
                    }
                    else if (network.Agent.ReportAge is not null)
                    {
                        to.Fail(Name, $"device {name} is missing: no other host is reached by {address}", Mend(network));
                    }

                    if (backend.Type == BackendType.WireGuard)
                    {
                        break; // one device for all
                    }
                }
            },
            () => Describe(network)
        );
    }

    private static string Describe(NetworkView network)
    {
        BackendConf backend = network.Conf.Backend;
        if (network.OverlayDevices is not { Count: > 0 } devices)
        {
            return $"{backend.DeviceName} is made by the agent";
        }

        bool vxlan = backend.Type == BackendType.Vxlan;
        List<string> up = devices.ConvertAll(device =>
            $"{device.Name} is up, {(vxlan ? device.Mac : WireGuardCheck.PublicKeyOf(network))}"
        );
        return $"{string.Join(" and ", up)}, {(vxlan ? $"VNI {backend.Vni}, " : "")}UDP port {backend.Port}";
    }

    private static void Look(Findings to, HostView host, NetworkView network, Link device, IPAddress local)
    {
        bool wireGuard = network.Conf.Backend.Type == BackendType.WireGuard;
        foreach (string fault in wireGuard ? WireGuardCheck.Faults(host, network, device) : Faults(host, network, device, local))
        {
            to.Fail(Name, $"device {device.Name}: {fault}", Mend(network));
        }
    }

    private static string Mend(NetworkView network) =>
        DoctorCommand.Mend(network, "start the agent, which mends this: systemctl start twilld");

    private static List<string> Faults(HostView host, NetworkView network, Link device, IPAddress local)
    {
        BackendConf backend = network.Conf.Backend;
        if (device.Kind != "vxlan" || device.Vxlan is not { } vxlan)
        {
            return [$"it is of kind '{device.Kind ?? "hardware"}', not vxlan"];
        }

        List<string> faults = [];
        void Expect(bool good, string fault)
        {
            if (!good)
            {
                faults.Add(fault);
            }
        }
        Expect(device.IsUp, "it is down");
        Expect(vxlan.Vni == (uint)backend.Vni, $"its VNI is {vxlan.Vni}, not {backend.Vni}");
        Expect(vxlan.Port == backend.Port, $"its UDP port is {vxlan.Port}, not {backend.Port}");
        Expect(!vxlan.Learning, "it learns addresses from packets, which lets any host redirect others' traffic");
        Expect(vxlan.LowerIndex == 0, "it is bound to a lower device, and would die with it");
        Expect(!vxlan.External, "it is in external mode");
        Expect(local.Equals(vxlan.Local), $"its local address is {vxlan.Local?.ToString() ?? "unset"}, not {local}");
        string published = network.Node!.VtepMacOf(local.AddressFamily);
        Expect(
            published.Length == 0 || published == device.Mac?.ToString(),
            $"its hardware address is {device.Mac}, but other hosts were told {published}"
        );
        if (network.Subnets.Count > 0 && network.Agent.ReportAge is not null)
        {
            List<IPNetwork> wanted = BasesOn(network, local.AddressFamily);
            List<InterfaceAddress> present = host.Route.ListAddresses(device.Index).FindAll(address => address.Scope != RouteScope.Link);
            foreach (IPNetwork address in wanted)
            {
                Expect(present.Exists(there => Is(there, address)), $"it lacks the address {address}");
            }

            foreach (InterfaceAddress address in present)
            {
                Expect(wanted.Exists(own => Is(address, own)), $"it has the address {address}, which leads packets astray");
            }
        }
        return faults;
    }

    /// <summary>The base address of the first subnet of its own family, and of the other's too where there is no device for that.</summary>
    private static List<IPNetwork> BasesOn(NetworkView network, AddressFamily outer)
    {
        List<IPNetwork> bases = [];
        foreach (AddressFamily inner in (ReadOnlySpan<AddressFamily>)[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            bool here = inner == outer || !network.Node!.HasAddressOf(inner);
            foreach (IPNetwork subnet in network.Subnets)
            {
                if (here && subnet.BaseAddress.AddressFamily == inner)
                {
                    bases.Add(OverlaySpec.BaseOf(subnet));
                    break;
                }
            }
        }
        return bases;
    }

    private static bool Is(InterfaceAddress there, IPNetwork own) =>
        there.Address.Equals(own.BaseAddress) && there.PrefixLength == own.PrefixLength;
}
