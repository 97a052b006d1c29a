using System.Net.Sockets;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux.Links;
using Twill.Network.Configuration;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>Whether what containers send fits through the underlay.</summary>
internal static class MtuCheck
{
    private const string Name = "MTU";

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        TwillConf conf = network.Conf;
        if (!network.IsOurs)
        {
            return;
        }

        string fine = "";
        to.Look(Name, () => fine = Look(to, host, network), () => fine);
    }

    private static string Look(Findings to, HostView host, NetworkView network)
    {
        TwillConf conf = network.Conf;
        (string name, int mtu, int overhead) = ("the way out", 0, 0);
        if (conf.Ipam.Etcd is null)
        {
            mtu = Underlay.MtuToOutside(host.Route);
        }
        else
        {
            try
            {
                Underlay underlay = Underlay.Select(host.Route, conf, network.Node);
                (name, mtu, overhead) = (underlay.Name, underlay.Mtu, underlay.Mtu - underlay.MtuWith(BackendTable.Of(conf)));
                string published = string.Join(" and ", network.Node?.PublicAddresses ?? []),
                    there = string.Join(" and ", underlay.Addresses);
                if (network.Agent.Pid is not null && network.Node is not null && published != there)
                {
                    to.Fail(
                        "underlay",
                        $"this host published {published}, but its address on {underlay.Name} is {there}",
                        DoctorCommand.Mend(network, "")
                    );
                }
            }
            catch (HostException e)
            {
                to.Fail("underlay", e.Message, $"bring the interface up, or set $.backend.interface in {network.File}");
                return "";
            }
        }
        int room = mtu - overhead,
            wanted = conf.Mtu != 0 ? conf.Mtu : room;
        string carries = overhead > 0 ? $"{name} has {mtu} bytes, less {overhead} for {conf.Backend.Type}" : $"{name} has {mtu} bytes";
        if (wanted > room)
        {
            to.Fail(
                Name,
                $"$.mtu is {wanted}, but {carries}: bigger packets are lost or cut into pieces",
                $"set $.mtu in {network.File} to 0, or to at most {room}"
            );
        }

        if (host.Find(conf.Bridge) is { } bridge)
        {
            Expect(to, network, bridge, wanted, carries);
        }

        foreach (Link device in network.OverlayDevices)
        {
            // One with less overhead than the other takes as much more.
            AddressFamily outer = device.Vxlan?.Local?.AddressFamily ?? AddressFamily.InterNetwork;
            Expect(to, network, device, conf.Mtu != 0 ? wanted : mtu - BackendTable.Of(conf).Overhead(outer), carries);
        }
        List<Link> others = network.HostEnds.FindAll(end => end.Mtu != wanted);
        if (others.Count > 0)
        {
            to.Warn(
                Name,
                $"{Format.Count(others.Count, "container has", "containers have")} another MTU than {wanted}: "
                    + $"{Format.Few(others.ConvertAll(end => $"{end.Name} {end.Mtu} ({BridgeCheck.Owner(end)})"))}",
                "restart them: an MTU is given when a container starts"
            );
        }

        return $"{wanted} for containers; {carries}";
    }

    private static void Expect(Findings to, NetworkView network, Link device, int wanted, string carries)
    {
        if (device.Mtu != wanted)
        {
            to.Fail(
                Name,
                $"device {device.Name} has MTU {device.Mtu}, not {wanted} ({carries})",
                DoctorCommand.Mend(network, $"ip link set dev {device.Name} mtu {wanted}")
            );
        }
    }
}
