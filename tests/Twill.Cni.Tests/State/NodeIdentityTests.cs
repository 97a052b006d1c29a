using System.Collections.Concurrent;
using Twill.Cni.State;
using Twill.Testing;

namespace Twill.Cni.Tests.State;

public sealed class NodeIdentityTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();

    public void Dispose() => _dir.Dispose();

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
    public void A_vtep_address_is_local_unicast_and_stays()
    {
        string mac = NodeIdentity.VtepMac(_dir.At("data"), "net", out _);

        mac.Should().MatchRegex("^02(:[0-9a-f]{2}){5}$");
        NodeIdentity.VtepMac(_dir.At("data"), "net", out _).Should().Be(mac);
        NodeIdentity.VtepMac(_dir.At("data"), "other", out _).Should().NotBe(mac);
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

        NodeIdentity.VtepMac(_dir.At("data"), "net", out string? replaced).Should().MatchRegex("^02(:[0-9a-f]{2}){5}$");

        replaced.Should().Contain(content);
    }
}
