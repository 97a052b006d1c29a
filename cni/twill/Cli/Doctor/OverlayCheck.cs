using System.Net.Sockets;
using Twill.Cni.Configuration;
using Twill.Host;
using Twill.Linux.Addresses;
using Twill.Linux.Links;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>The overlay device: every parameter that decides whether other hosts are understood.</summary>
internal static class OverlayCheck
{
    private const string Name = "overlay";

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        BackendConf backend = network.Conf.Backend;
        if (backend.Type != BackendType.Vxlan)
            return;
        to.Look(Name, () =>
        {
            if (network.OverlayDevices.Count == 0 && network.Agent.ReportAge is not null)
                to.Fail(Name, $"device {backend.DeviceName} is missing: no other host is reached", Mend(network));
            foreach (Link device in network.OverlayDevices)
            {
                foreach (string fault in Faults(host, network, device))
                    to.Fail(Name, $"device {device.Name}: {fault}", Mend(network));
            }
        }, () => network.OverlayDevices is { Count: > 0 } devices
            ? $"{string.Join(" and ", devices.ConvertAll(device => $"{device.Name} is up, {device.Mac}"))}, VNI {backend.Vni}, UDP port {backend.Port}"
            : $"{backend.DeviceName} is made by the agent");
    }

    private static string Mend(NetworkView network) => DoctorCommand.Mend(network, "start the agent, which mends this: systemctl start twilld");

    private static List<string> Faults(HostView host, NetworkView network, Link device)
    {
        BackendConf backend = network.Conf.Backend;
        if (device.Kind != "vxlan" || device.Vxlan is not { } vxlan)
            return [$"it is of kind '{device.Kind ?? "hardware"}', not vxlan"];
        List<string> faults = [];
        void Expect(bool good, string fault)
        {
            if (!good)
                faults.Add(fault);
        }
        Expect(device.IsUp, "it is down");
        Expect(vxlan.Vni == (uint)backend.Vni, $"its VNI is {vxlan.Vni}, not {backend.Vni}");
        Expect(vxlan.Port == backend.Port, $"its UDP port is {vxlan.Port}, not {backend.Port}");
        Expect(!vxlan.Learning, "it learns addresses from packets, which lets any host redirect others' traffic");
        Expect(vxlan.LowerIndex == 0, "it is bound to a lower device, and would die with it");
        Expect(!vxlan.External, "it is in external mode");
        if (network.Node is { } node)
        {
            Expect(node.PublicIP.Equals(vxlan.Local), $"its local address is {vxlan.Local?.ToString() ?? "unset"}, not {node.PublicIP}");
            Expect(node.VtepMac.Length == 0 || node.VtepMac == device.Mac?.ToString(), $"its hardware address is {device.Mac}, but other hosts were told {node.VtepMac}");
        }
        if (network.Subnets.Count > 0 && network.Agent.ReportAge is not null)
        {
            List<InterfaceAddress> present = host.Route.ListAddresses(device.Index, AddressFamily.InterNetwork);
            var wanted = OverlaySpec.BaseOf(network.Subnets[0]);
            Expect(present.Exists(address => address.Address.Equals(wanted.BaseAddress) && address.PrefixLength == wanted.PrefixLength), $"it lacks the address {wanted}");
            foreach (InterfaceAddress address in present)
                Expect(address.Address.Equals(wanted.BaseAddress), $"it has the address {address}, which leads packets astray");
        }
        return faults;
    }
}
