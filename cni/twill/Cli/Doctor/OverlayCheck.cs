using System.Net;
using Twill.Host.Backends;
using Twill.Linux.Links;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>The backend's devices: every parameter that decides whether other hosts are understood.</summary>
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
                HashSet<string> seen = []; // one device may send over both families
                foreach (IPAddress address in network.Node?.PublicAddresses ?? [])
                {
                    string name = backend.DeviceNameOver(address.AddressFamily)!;
                    if (!seen.Add(name))
                    {
                        continue;
                    }

                    if (host.Find(name) is { } device)
                    {
                        Look(to, host, network, device, address);
                    }
                    else if (network.Agent.ReportAge is not null)
                    {
                        to.Fail(Name, $"device {name} is missing: no other host is reached by {address}", Mend(network));
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
            return $"{backend.DeviceNames[0]} is made by the agent";
        }

        IBackend onHost = BackendTable.Of(network.Conf);
        List<string> parts =
        [
            string.Join(" and ", devices.ConvertAll(device => $"{device.Name} is up, " + $"{onHost.Identity(device, network.Node)}")),
        ];
        parts.AddRange(backend.Status(node: null).ConvertAll(field => field.Text).FindAll(text => text.Length > 0));
        return string.Join(", ", parts);
    }

    private static void Look(Findings to, HostView host, NetworkView network, Link device, IPAddress local)
    {
        DeviceExpectation expected = new(
            local,
            network.Node!,
            network.Conf.Ipam.Ranges,
            network.Subnets,
            HasAgent: network.Agent.ReportAge is not null
        );
        foreach (string fault in BackendTable.Of(network.Conf).FindFaults(host.Route, device, expected))
        {
            to.Fail(Name, $"device {device.Name}: {fault}", Mend(network));
        }
    }

    private static string Mend(NetworkView network) =>
        DoctorCommand.Mend(network, "start the agent, which mends this: systemctl start twilld");
}
