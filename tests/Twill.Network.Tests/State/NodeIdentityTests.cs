using System.Collections.Concurrent;
using System.Net.Sockets;
using Twill.Network.State;
using Twill.Testing;

namespace Twill.Network.Tests.State;

public sealed class NodeIdentityTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();

    public void Dispose() => _dir.Dispose();

    [Fact]
    public void The_incarnation_is_one_for_a_boot_another_for_the_next_and_is_forgotten_with_the_last_of_run_time_state()
    {
        using TempDir directory = TempDir.Create();
        StateDir state = new(directory.At("run"));
        string first = NodeIdentity.Incarnation(state, "boot-1");

        NodeIdentity.Incarnation(state, "boot-1").Should().Be(first).And.MatchRegex("^[0-9a-f]{32}$");
        string second = NodeIdentity.Incarnation(state, "boot-2");
        second.Should().NotBe(first);
        state.Network("net");
        NodeIdentity.ForgetIncarnation(state);
        NodeIdentity.Incarnation(state, "boot-2").Should().Be(second, "a network has state here");
        Directory.Delete(directory.At("run/net"));
        NodeIdentity.ForgetIncarnation(state);
        Directory.GetFileSystemEntries(state.Root).Should().BeEmpty();
    }

    [Fact]
    public void The_incarnation_is_in_no_networks_way_whatever_that_is_called()
    {
        StateDir state = new(_dir.At("run"));
        string before = NodeIdentity.Incarnation(state, "boot-1");

        Directory.Exists(state.Network("incarnation").Path).Should().BeTrue();
        NodeIdentity.Incarnation(state, "boot-1").Should().Be(before);
    }

    [Fact]
    public void A_node_id_is_made_once_and_stays()
    {
        string first = NodeIdentity.NodeId(_dir.At("data"), out string? replaced);

        NodeIdentity.NodeId(_dir.At("data"), out _).Should().Be(first);
        first.Should().MatchRegex("^[0-9a-f]{32}$");
        replaced.Should().BeNull();
        File.ReadAllText(_dir.At("data/node-id")).Should().Be(first + "\n");
        File.GetUnixFileMode(_dir.At("data/node-id")).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public void Two_hosts_have_two_ids() =>
        NodeIdentity.NodeId(_dir.At("a"), out _).Should().NotBe(NodeIdentity.NodeId(_dir.At("b"), out _));

    [Fact]
    public void All_that_come_first_at_once_take_the_same_id()
    {
        for (int round = 0; round < 20; round++)
        {
            var seen = new ConcurrentBag<string>();
            string data = _dir.At($"data{round}");
            Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ => seen.Add(NodeIdentity.NodeId(data, out string? _)));
            seen.Distinct().Should().ContainSingle();
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("0123")]
    [InlineData("0123456789ABCDEF0123456789ABCDEF")]
    [InlineData("../../../../../../etc/passwd....")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]
    public void A_damaged_id_is_replaced_and_that_is_reported(string content)
    {
        _dir.Write("data/node-id", content);

        string id = NodeIdentity.NodeId(_dir.At("data"), out string? replaced);

        id.Should().MatchRegex("^[0-9a-f]{32}$");
        replaced.Should().StartWith($"{_dir.At("data/node-id")}: replaced, it held no valid node-id");
        NodeIdentity.NodeId(_dir.At("data"), out replaced).Should().Be(id);
        replaced.Should().BeNull();
    }

    [Fact]
    public void A_WireGuard_key_is_made_once_for_the_hosts_eyes_only()
    {
        string key = NodeIdentity.WireGuardKey(_dir.At("data"), "pods", out string? replaced);

        NodeIdentity.WireGuardKey(_dir.At("data"), "pods", out _).Should().Be(key);
        replaced.Should().BeNull();
        byte[] bytes = Convert.FromBase64String(key);
        bytes.Should().HaveCount(32);
        ((bytes[0] & 7), (bytes[31] & 192)).Should().Be((0, 64), "it is as devices say private keys back");
        File.ReadAllText(_dir.At("data/pods/wireguard-key")).Should().Be(key + "\n", "wg takes it as it is");
        File.GetUnixFileMode(_dir.At("data/pods/wireguard-key")).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        NodeIdentity.WireGuardKey(_dir.At("data"), "others", out _).Should().NotBe(key);
    }

    [Fact]
    public void A_WireGuard_key_that_was_deleted_is_made_anew()
    {
        string key = NodeIdentity.WireGuardKey(_dir.At("data"), "pods", out _);
        File.Delete(_dir.At("data/pods/wireguard-key"));

        NodeIdentity.WireGuardKey(_dir.At("data"), "pods", out string? replaced).Should().NotBe(key);
        replaced.Should().BeNull();
    }

    [Theory]
    [InlineData("BsYEszKzhrbM6DVczyf//TqYt6elubOlUMA5xuuuOO")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    public void A_damaged_WireGuard_key_is_replaced_and_reported_without_any_of_it(string content)
    {
        _dir.Write("data/pods/wireguard-key", content);

        string key = NodeIdentity.WireGuardKey(_dir.At("data"), "pods", out string? replaced);

        replaced.Should().Be($"{_dir.At("data/pods/wireguard-key")}: replaced, it held no valid wireguard-key");
        Convert.FromBase64String(key).Should().HaveCount(32);
    }

    [Fact]
    public void A_WireGuard_key_that_others_can_read_is_closed_to_them_and_that_is_reported()
    {
        string key = NodeIdentity.WireGuardKey(_dir.At("data"), "pods", out _);
        File.SetUnixFileMode(_dir.At("data/pods/wireguard-key"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);

        NodeIdentity.WireGuardKey(_dir.At("data"), "pods", out string? told).Should().Be(key);

        told.Should().Contain("others could read").And.NotContain(key);
        File.GetUnixFileMode(_dir.At("data/pods/wireguard-key")).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public void A_vtep_address_is_local_unicast_and_stays()
    {
        string mac = NodeIdentity.VtepMac(_dir.At("data"), "net", AddressFamily.InterNetwork, out _);

        mac.Should().MatchRegex("^02(:[0-9a-f]{2}){5}$");
        NodeIdentity.VtepMac(_dir.At("data"), "net", AddressFamily.InterNetwork, out _).Should().Be(mac);
        NodeIdentity.VtepMac(_dir.At("data"), "other", AddressFamily.InterNetwork, out _).Should().NotBe(mac);
        string v6 = NodeIdentity.VtepMac(_dir.At("data"), "net", AddressFamily.InterNetworkV6, out _);
        v6.Should().NotBe(mac).And.Be(NodeIdentity.VtepMac(_dir.At("data"), "net", AddressFamily.InterNetworkV6, out _));
        File.ReadAllText(_dir.At("data/net/vtep-mac-v6")).Should().Be(v6 + "\n");
        File.ReadAllText(_dir.At("data/net/vtep-mac")).Should().Be(mac + "\n");
    }

    [Theory]
    [InlineData("02:00:00:00:00")]
    [InlineData("02-00-00-00-00-01")]
    [InlineData("03:00:00:00:00:01")] // multicast
    [InlineData("0g:00:00:00:00:01")]
    [InlineData("zz:zz:zz:zz:zz:zz")]
    public void A_damaged_vtep_address_is_replaced(string content)
    {
        _dir.Write("data/net/vtep-mac", content);

        NodeIdentity
            .VtepMac(_dir.At("data"), "net", AddressFamily.InterNetwork, out string? replaced)
            .Should()
            .MatchRegex("^02(:[0-9a-f]{2}){5}$");

        replaced.Should().Contain(content);
    }
}
