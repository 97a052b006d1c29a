using System.Net;
using Twill.Host;
using Twill.Linux.Routes;
using Twill.System;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>The way to other hosts: every entry there, and packets really taking it.</summary>
internal static class DriftCheck
{
    private const string Name = "peers";

    /// <summary>A kernel question each: enough to see a route that is in the way.</summary>
    private const int MostAsked = 1000;

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        if (!network.Conf.Backend.JoinsHosts)
        {
            return;
        }

        NetworkPeers peers = PeersCommand.Of(network);
        to.Look(
            Name,
            () =>
            {
                if (peers.Unreadable is { } unreadable)
                {
                    to.Fail(Name, unreadable, "");
                }

                foreach (PeerRow row in peers.Rows)
                {
                    if (!row.IsWhole)
                    {
                        to.Fail(
                            Name,
                            $"the way to {row.Subnet?.ToString() ?? row.PublicIP?.ToString()} is broken: {Broken(row)}",
                            DoctorCommand.Mend(network, "")
                        );
                    }
                }
                if (peers.Unreadable is null && peers.Wanted is int wanted && wanted != peers.Rows.Count)
                {
                    to.Fail(
                        Name,
                        $"the agent knows of {Format.Count(wanted, "remote subnet")}, the kernel has the way to {peers.Rows.Count}",
                        DoctorCommand.Mend(network, "")
                    );
                }

                for (int i = 0; i < peers.Rows.Count && i < MostAsked; i++)
                {
                    Ask(to, host, network, peers.Rows[i]);
                }
            },
            () => $"the way to {Format.Count(peers.Rows.Count, "remote subnet")} is whole"
        );
    }

    private static string Broken(PeerRow row)
    {
        List<string> parts = [];
        foreach (
            (string what, EntryState state) in (ReadOnlySpan<(string, EntryState)>)
                [
                    ("route", row.Route),
                    ("neighbour", row.Neighbour),
                    ("FDB entry", row.Fdb),
                    ("WireGuard peer", row.Tunnel?.Peer ?? EntryState.NotNeeded),
                ]
        )
        {
            if (state is EntryState.Missing or EntryState.Changed)
            {
                parts.Add($"{what} {(state == EntryState.Missing ? "missing" : "changed")}");
            }
        }
        return string.Join(", ", parts);
    }

    /// <summary>A route of somebody else's that is more exact than ours, or a rule before the main table, leads packets elsewhere: the
    /// host's own, or containers' alone.</summary>
    private static void Ask(Findings to, HostView host, NetworkView network, PeerRow row)
    {
        if (!row.IsWhole || row.Subnet is not { } subnet)
        {
            return;
        }

        foreach (UInt128 number in (ReadOnlySpan<UInt128>)[subnet.First() + 1, subnet.Last() - 1])
        {
            IPAddress address = IPPrefix.AddressOf(number, subnet.BaseAddress.AddressFamily);
            if (Leads(to, host, network, row, new GetRoute(address)))
            {
                return;
            }
        }

        if (FromContainer(host, network, subnet) is { } packet)
        {
            Leads(to, host, network, row, packet);
        }
    }

    private static bool Leads(Findings to, HostView host, NetworkView network, PeerRow row, GetRoute packet)
    {
        string way = host.WayOf(packet, out Route? route);
        if (way == row.Device)
        {
            return false;
        }

        string address = packet.Destination.ToString(),
            from = packet.Source is null ? "" : " from " + packet.Source.ToString(),
            text = "packets" + from + " to " + address + " in " + row.Subnet.ToString() + " leave by " + way + ", not by " + row.Device;
        if (Diversion.Of(host.Route, packet, route) is { } diversion)
        {
            IPNetwork all = network.Conf.Ipam.Of(packet.Destination.AddressFamily)?.Range ?? row.Subnet!.Value;
            to.Fail(Name, text + diversion.Text, diversion.Remedy(all));
        }
        else
        {
            string question = packet.Iif == 0 ? address : address + from + " iif " + network.Conf.Bridge;
            to.Fail(Name, text, "find the route or rule that is in the way (ip route get " + question + "; ip rule) and remove it");
        }

        return true;
    }

    /// <summary>What a container of this host would send; null where it has no bridge, or no subnet of that family.</summary>
    private static GetRoute? FromContainer(HostView host, NetworkView network, IPNetwork peer)
    {
        if (!network.IsOurs || host.Find(network.Conf.Bridge) is not { IsUp: true } bridge)
        {
            return null;
        }

        foreach (IPNetwork subnet in network.Subnets)
        {
            if (subnet.BaseAddress.AddressFamily == peer.BaseAddress.AddressFamily && !subnet.IsPair())
            {
                IPAddress gateway = network.GatewayOf(subnet);
                UInt128 other = subnet.First() + (subnet.First() + 2 == IPPrefix.NumberOf(gateway) ? 1u : 2u);
                return new GetRoute(IPPrefix.AddressOf(peer.First() + 1, peer.BaseAddress.AddressFamily))
                {
                    Source = IPPrefix.AddressOf(other, peer.BaseAddress.AddressFamily),
                    Iif = bridge.Index,
                };
            }
        }

        return null;
    }
}
