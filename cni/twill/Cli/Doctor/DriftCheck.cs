using System.Net;
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
                    Ask(to, host, peers.Rows[i]);
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

    /// <summary>A route of somebody else's that is more exact than ours leads packets elsewhere.</summary>
    private static void Ask(Findings to, HostView host, PeerRow row)
    {
        if (!row.IsWhole || row.Subnet is not { } subnet)
        {
            return;
        }

        foreach (UInt128 number in (ReadOnlySpan<UInt128>)[subnet.First() + 1, subnet.Last() - 1])
        {
            IPAddress address = IPPrefix.AddressOf(number, subnet.BaseAddress.AddressFamily);
            string way = host.WayTo(address);
            if (way != row.Device)
            {
                to.Fail(
                    Name,
                    $"packets to {address} in {subnet} leave by {way}, not by {row.Device}",
                    $"find the route or rule that is in the way (ip route get {address}; ip rule) and remove it"
                );
                return;
            }
        }
    }
}
