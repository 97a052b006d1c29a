using System.Net;
using System.Net.Sockets;
using Twill.Linux.Neighbours;

namespace Twill.Linux.Tests.Neighbours;

public sealed class NeighbourRequestTests
{
    private static readonly MacAddress s_mac = MacAddress.Parse("02:00:00:00:00:09");
    private static readonly IPAddress s_base = IPAddress.Parse("10.244.9.0");

    [Fact]
    public void NewNeighbour_is_what_ip_neigh_replace_sends() =>
        Captured.Equal("neighbours/replace-neighbour", new NewNeighbour(10, s_base, s_mac) { Protocol = 116 });

    [Fact]
    public void NewNeighbour_that_must_be_new_is_what_ip_neigh_add_sends() =>
        Captured.Equal(
            "neighbours/new-neighbour-ipv6",
            new NewNeighbour(10, IPAddress.Parse("fd00::9"), s_mac) { MustBeNew = true, State = NeighbourState.Reachable }
        );

    [Fact]
    public void DeleteNeighbour_is_what_ip_neigh_del_sends() =>
        Captured.Equal("neighbours/delete-neighbour", new DeleteNeighbour(10, s_base));

    [Fact]
    public void Addresses_that_the_host_answers_for_are_what_ip_neigh_proxy_sends()
    {
        IPAddress six = IPAddress.Parse("fd00::9");
        Captured.Equal("neighbours/new-proxy", new NewProxyNeighbour(10, six) { Protocol = 116 });
        Captured.Equal("neighbours/delete-proxy", new DeleteNeighbour(10, six) { IsProxy = true });
        Captured.Equal("neighbours/list-proxies", new ListNeighbours { Family = AddressFamily.InterNetworkV6, Proxies = true });
    }

    [Fact]
    public void ListNeighbours_asks_the_kernel_to_filter() =>
        Captured.Equal("neighbours/list-neighbours", new ListNeighbours { Index = 10, Family = AddressFamily.InterNetwork });

    [Fact]
    public void NewFdbEntry_is_what_bridge_fdb_replace_sends() =>
        Captured.Equal("neighbours/replace-fdb", new NewFdbEntry(11, s_mac) { Destination = IPAddress.Parse("10.0.0.9") });

    [Fact]
    public void NewFdbEntry_is_marked_as_learned_elsewhere_when_told_to() =>
        Captured.Equal(
            "neighbours/replace-fdb-extern-learn",
            new NewFdbEntry(11, s_mac)
            {
                Destination = IPAddress.Parse("10.0.0.9"),
                EntryFlags = NeighbourFlags.Self | NeighbourFlags.ExternallyLearned,
            }
        );

    [Fact]
    public void NewFdbEntry_appends_with_port_and_vni() =>
        Captured.Equal(
            "neighbours/append-fdb-all",
            new NewFdbEntry(11, MacAddress.Zero)
            {
                Append = true,
                Destination = IPAddress.Parse("fd00::9"),
                Port = 8472,
                Vni = 9,
            }
        );

    [Fact]
    public void NewFdbEntry_of_a_bridge_names_the_port_and_the_vlan() =>
        Captured.Equal(
            "neighbours/new-fdb-bridge",
            new NewFdbEntry(12, s_mac)
            {
                EntryFlags = NeighbourFlags.Master,
                State = NeighbourState.Reachable,
                Vlan = 5,
            }
        );

    [Fact]
    public void DeleteFdbEntry_is_what_bridge_fdb_del_sends() =>
        Captured.Equal("neighbours/delete-fdb", new DeleteFdbEntry(11, s_mac) { Destination = IPAddress.Parse("10.0.0.9") });

    [Fact]
    public void ListFdb_asks_the_kernel_to_filter() => Captured.Equal("neighbours/list-fdb", new ListFdb { Index = 11 });
}
