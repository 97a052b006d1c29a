using Twill.Linux.Links;
using Twill.Network;
using Twill.Network.State;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>Records of containers that are gone, and host ends and records that do not go together.</summary>
internal static class LeakCheck
{
    private const string Name = "leaks";

    /// <summary>An ADD or DEL in between is half done for some milliseconds: only what stays so is told.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(700);

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        if (network.Conf.Ipam.IsForeign)
        {
            return;
        }

        to.Look(
            Name,
            () =>
            {
                List<(string Text, string Remedy)> leaks = Look(host, network);
                if (leaks.Count > 0)
                {
                    Thread.Sleep(s_pause);
                    network.Refresh();
                    List<(string Text, string Remedy)> still = Look(host, network);
                    leaks.RemoveAll(leak => !still.Contains(leak));
                }
                foreach ((string text, string remedy) in leaks)
                {
                    to.Warn(Name, text, remedy);
                }
            },
            () => $"{Format.Count(network.Records.Count, "address record")}, every one of a container that is there"
        );
    }

    private static List<(string Text, string Remedy)> Look(HostView host, NetworkView network)
    {
        List<(string, string)> leaks = [];
        HashSet<string> recorded = [];
        foreach (AddressFile address in network.Records)
        {
            string file = $"{network.Conf.Ipam.DataDir}/{network.Name}/{address.Address}";
            string veth = address.Record is { Owner: var owner } ? DeviceNames.Veth(owner.ContainerId, owner.IfName) : "";
            recorded.Add(veth);
            if (address.WhyGone(host.Namespaces) is { } why)
            {
                leaks.Add(
                    (
                        $"address {address.Address}{OwnerOf(address)} is still recorded: {why}",
                        address.Record is null && !address.IsCutOff && HasUnrecordedEnd(network)
                            ? "it may be the address of a container that runs here: restart the one that has no address record, as told "
                                + $"below; then: rm {file}"
                            : $"twill-ipam takes it back when addresses run short, and at a GC; to free it now: rm {file}"
                    )
                );
            }
            else if (network.IsOurs && host.Find(veth) is null)
            {
                leaks.Add(
                    (
                        $"address {address.Address}{OwnerOf(address)} is recorded, but its host end {veth} is missing: that container "
                            + $"has no network",
                        "restart the container"
                    )
                );
            }
        }
        foreach (Link end in network.HostEnds)
        {
            if (!recorded.Contains(end.Name))
            {
                leaks.Add(
                    (
                        $"host end {end.Name} ({BridgeCheck.Owner(end)}) has no address record",
                        $"restart its container; if that is gone: ip link delete {end.Name}"
                    )
                );
            }
        }
        foreach (Link queue in NetworkView.QueuesOf(host, network.Name))
        {
            if (host.Find(DeviceNames.VethOfIfb(queue.Name)) is null)
            {
                leaks.Add(
                    (
                        $"device {queue.Name} ({BridgeCheck.Owner(queue)}) is left of a container that is gone",
                        $"a GC removes it; or: ip link delete {queue.Name}"
                    )
                );
            }
        }
        return leaks;
    }

    /// <summary>Whether a container is attached whose address no record names: a damaged one may have been its.</summary>
    private static bool HasUnrecordedEnd(NetworkView network)
    {
        HashSet<string> recorded = [];
        foreach (AddressFile address in network.Records)
        {
            if (address.Record is { Owner: var owner })
            {
                recorded.Add(DeviceNames.Veth(owner.ContainerId, owner.IfName));
            }
        }

        return network.HostEnds.Exists(end => !recorded.Contains(end.Name));
    }

    private static string OwnerOf(AddressFile file) =>
        file.Record is { Owner: var owner } ? $" (container {owner.ContainerId}, {owner.IfName})" : "";
}
