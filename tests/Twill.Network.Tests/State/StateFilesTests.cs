using System.Net;
using Twill.Cni;
using Twill.Network.State;
using Twill.System;
using Twill.Testing;

namespace Twill.Network.Tests.State;

public sealed class StateFilesTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();
    private readonly NetworkStateDir _state;

    public StateFilesTests() => _state = new StateDir(_dir.At("run/twill")).Network("net");

    public void Dispose() => _dir.Dispose();

    private static readonly NodeFile Node = new()
    {
        Network = "net",
        BootId = "b",
        BackendType = "vxlan",
        PublicIP = IPAddress.Parse("192.168.64.3"),
        Interface = "eth1",
        Mtu = 1450,
        Vni = 1,
        Port = 4789,
        VtepMac = "02:01:02:03:04:05",
    };

    private static readonly SubnetFile Subnet = new()
    {
        Network = "net",
        NodeId = "0123456789abcdef0123456789abcdef",
        Subnets = [IPNetwork.Parse("10.244.7.0/24"), IPNetwork.Parse("10.244.8.0/24")],
        Backend = "vxlan",
        Mtu = 1450,
        LeaseId = -8_011_111_111_111_111_111, // etcd's ids are 64 bits and may look negative
        Ttl = 86_400,
        BootId = BootClock.BootId,
        Deadline = 12_345.678,
        Lost = [IPNetwork.Parse("10.244.9.0/24")],
    };

    private static readonly DateTimeOffset s_noon = new(2030, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private static AgentFile Agent(DateTimeOffset time, DateTimeOffset? etcd, double bootTime, string bootId, string? error = null) =>
        new()
        {
            Pid = 4711,
            Time = time,
            ArePeersKnown = false,
            PeersWanted = 3,
            PeersProgrammed = 2,
            LastEtcdContact = etcd,
            LastError = error,
            BootTime = bootTime,
            BootId = bootId,
        };

    [Theory]
    [InlineData(3600)]
    [InlineData(-3600)]
    public void Who_sets_the_time_of_day_makes_no_report_of_the_agent_older_nor_younger(int seconds)
    {
        double written = BootClock.Now;
        DateTimeOffset time = DateTimeOffset.UtcNow.AddSeconds(seconds);
        Agent(time, time.AddSeconds(-2), written, BootClock.BootId).Write(_state);

        AgentFile read = AgentFile.TryRead(_state, out _)!;

        read.Age.Should().BeInRange(0, BootClock.Now - written);
        read.EtcdAge.Should().BeInRange(2, 2.001 + BootClock.Now - written);
    }

    [Fact]
    public void A_report_of_another_boot_is_none_and_one_of_a_former_version_has_the_age_of_its_time()
    {
        Agent(s_noon, null, BootClock.Now, "another").Write(_state);
        AgentFile.TryRead(_state, out _)!.Age.Should().Be(double.PositiveInfinity);

        File.WriteAllText(
            _state.AgentPath,
            $$"""{"pid":1,"time":"{{DateTimeOffset.UtcNow.AddSeconds(-100):O}}","peersWanted":0,"peersProgrammed":0}"""
        );
        AgentFile.TryRead(_state, out _)!.Age.Should().BeGreaterThanOrEqualTo(100);
    }

    [Fact]
    public void What_is_written_reads_back()
    {
        Node.Write(_state);
        Subnet.Write(_state);

        NodeFile.TryRead(_state, out string? problem).Should().Be(Node);
        problem.Should().BeNull();
        (Node with { PublicKey = "aB+/cdefghijklmnopqrstuvwxyz0123456789ABCDE=" }).Write(_state);
        NodeFile.TryRead(_state, out _)!.PublicKey.Should().Be("aB+/cdefghijklmnopqrstuvwxyz0123456789ABCDE=");
        NodeFile dual = Node with { PublicIPv6 = IPAddress.Parse("fd00::3"), VtepMacV6 = "02:01:02:03:04:06" };
        dual.Write(_state);
        NodeFile.TryRead(_state, out _).Should().Be(dual);
        SubnetFile.TryRead(_state, out _).Should().BeEquivalentTo(Subnet, o => o.Excluding(s => s.SecondsLeft));
        foreach (
            AgentFile agent in (AgentFile[])
                [
                    Agent(s_noon.AddMilliseconds(250), s_noon, 17.5, BootClock.BootId, "etcd: \"away\""),
                    Agent(s_noon, null, 17.5, BootClock.BootId),
                ]
        )
        {
            agent.Write(_state);
            AgentFile
                .TryRead(_state, out _)
                .Should()
                .BeEquivalentTo(agent, o => o.Excluding(file => file.Age).Excluding(file => file.EtcdAge));
        }
    }

    [Fact]
    public void What_a_host_publishes_is_each_of_its_addresses_with_the_device_behind_it()
    {
        IPAddress six = IPAddress.Parse("fd00::3");
        NodeFile dual = Node with { PublicIPv6 = six, VtepMacV6 = "02:01:02:03:04:06" };

        Node.Published.Should().Equal((Node.PublicIP, Node.VtepMac));
        dual.Published.Should().Equal((Node.PublicIP, Node.VtepMac), (six, "02:01:02:03:04:06"));
        (dual with { PublicIP = IPAddress.Any }).Published.Should().Equal((six, "02:01:02:03:04:06"));
    }

    [Fact]
    public void Subnets_of_both_families_are_one_list()
    {
        (
            Subnet with
            {
                Subnets = [IPNetwork.Parse("10.244.7.0/24"), IPNetwork.Parse("fd00:244:0:7::/64")],
                Lost = [IPNetwork.Parse("fd00:244:0:9::/64")],
            }
        ).Write(_state);

        SubnetFile read = SubnetFile.TryRead(_state, out _)!;
        read.Subnets.Should().Equal(IPNetwork.Parse("10.244.7.0/24"), IPNetwork.Parse("fd00:244:0:7::/64"));
        read.Lost.Should().Equal(IPNetwork.Parse("fd00:244:0:9::/64"));
    }

    [Fact]
    public void The_names_in_the_files_are_for_people_and_scripts()
    {
        Subnet.Write(_state);

        File.ReadAllText(_state.SubnetPath)
            .Should()
            .Contain("\"subnets\": [")
            .And.Contain("\"10.244.7.0/24\"")
            .And.Contain("\"deadline\": 12345.678")
            .And.Contain("\"leaseId\": -8011111111111111111");
    }

    [Fact]
    public void Directories_and_files_are_private()
    {
        Node.Write(_state);

        const UnixFileMode all = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        File.GetUnixFileMode(_dir.At("run")).Should().Be(all);
        File.GetUnixFileMode(_dir.At("run/twill")).Should().Be(all);
        File.GetUnixFileMode(_state.Path).Should().Be(all);
        File.GetUnixFileMode(_state.NodePath).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public void An_absent_file_is_no_problem()
    {
        SubnetFile.TryRead(_state, out string? problem).Should().BeNull();
        problem.Should().BeNull();
    }

    [Fact]
    public void A_file_cut_anywhere_is_reported_and_not_trusted()
    {
        Subnet.Write(_state);
        byte[] whole = File.ReadAllBytes(_state.SubnetPath);

        for (int length = 0; length < whole.Length - 2; length++) // without its last line break it is still whole
        {
            File.WriteAllBytes(_state.SubnetPath, whole[..length]);
            SubnetFile.TryRead(_state, out string? problem).Should().BeNull($"cut at {length}");
            problem.Should().StartWith($"{_state.SubnetPath}: ");
        }
    }

    [Theory]
    [InlineData("[]", "expected a JSON object, got a list")]
    [InlineData("{}", "$.network: expected the network's name, got nothing")]
    [InlineData("\0\0\0\0", "not valid JSON")]
    [InlineData("""{"network":"other"}""", "$.network: expected the name of this directory's network, 'net', got 'other'")]
    [InlineData(
        """{"network":"net","nodeId":"x","subnets":["10.244.7.1/24"]}""",
        "$.subnets[0]: expected a prefix with no bits set beyond its length"
    )]
    [InlineData("""{"network":"net","nodeId":"x","subnets":[null]}""", "$.subnets[0]: expected a value, got null")]
    [InlineData("""{"network":"net","nodeId":"x","subnets":[],"backend":"vxlan"}""", "$.leaseId: expected a number, got nothing")]
    [InlineData(
        """{"network":"net","nodeId":"x","subnets":[],"backend":"vxlan","leaseId":1,"ttl":1,"bootId":"b","deadline":"soon"}""",
        "$.deadline: expected a number of seconds, got 'soon'"
    )]
    [InlineData(
        """{"network":"net","nodeId":"x","subnets":[],"backend":"vxlan","leaseId":1,"ttl":1,"bootId":"b","deadline":1e999}""",
        "$.deadline: expected a number of seconds, got '1e999'"
    )]
    public void Foreign_content_is_reported_and_not_trusted(string content, string problem)
    {
        File.WriteAllText(_state.SubnetPath, content);

        SubnetFile.TryRead(_state, out string? found).Should().BeNull();

        found.Should().StartWith($"{_state.SubnetPath}: {problem}");
    }

    [Theory]
    [InlineData("""{"time":"2030-01-31T12:00:00Z","peersWanted":1,"peersProgrammed":1}""", "$.pid: expected a number, got nothing")]
    [InlineData("""{"pid":0}""", "$.pid: expected a whole number from 1 to 2147483647, got '0'")]
    [InlineData("""{"pid":1,"time":"noon"}""", "$.time: expected a time like 2030-01-31T12:00:00Z, got 'noon'")]
    [InlineData("""{"pid":1}""", "$.time: expected a time, got nothing")]
    public void An_agents_file_that_lacks_something_is_not_trusted(string content, string problem)
    {
        File.WriteAllText(_state.AgentPath, content);

        AgentFile.TryRead(_state, out string? found).Should().BeNull();

        found.Should().Be($"{_state.AgentPath}: {problem}");
    }

    [Theory]
    [InlineData("""{"network":"net","bootId":"b","backendType":"vxlan"}""", "$.publicIP: expected an IP address, got nothing")]
    [InlineData(
        """{"network":"net","bootId":"b","backendType":"vxlan","publicIP":"10.1"}""",
        "$.publicIP: expected an IP address, got '10.1'"
    )]
    public void A_nodes_file_that_lacks_something_is_not_trusted(string content, string problem)
    {
        File.WriteAllText(_state.NodePath, content);

        NodeFile.TryRead(_state, out string? found).Should().BeNull();

        found.Should().Be($"{_state.NodePath}: {problem}");
    }

    [Fact]
    public void A_directory_where_a_file_should_be_is_reported()
    {
        Directory.CreateDirectory(_state.AgentPath);

        AgentFile.TryRead(_state, out string? problem).Should().BeNull();

        problem.Should().StartWith(_state.AgentPath);
    }

    [Fact]
    public void The_fence_counts_down_in_this_boot_and_is_passed_in_another()
    {
        SubnetFile current = Subnet with { Deadline = BootClock.Now + 100 };

        current.SecondsLeft.Should().BeInRange(50, 100);
        (current with { Deadline = BootClock.Now - 1 }).SecondsLeft.Should().BeNegative();
        (current with { BootId = "another" }).SecondsLeft.Should().Be(double.NegativeInfinity);
    }

    [Fact]
    public void The_boot_clock_is_the_kernels()
    {
        double uptime = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0]);

        BootClock.Now.Should().BeInRange(uptime - 5, uptime + 60);
        BootClock.BootId.Should().HaveLength(36);
    }

    [Fact]
    public void The_state_directory_can_be_moved()
    {
        StateDir.From(new Dictionary<string, string>()).Root.Should().Be("/run/twill");
        StateDir.From(new Dictionary<string, string> { ["TWILL_STATE_DIR"] = "/tmp/x" }).Root.Should().Be("/tmp/x");
        FluentActions
            .Invoking(() => StateDir.From(new Dictionary<string, string> { ["TWILL_STATE_DIR"] = "x" }))
            .Should()
            .Throw<CniException>()
            .Where(e => e.Code == CniErrorCode.InvalidEnvironment && e.Details.Contains("'x'"));
    }

    [Fact]
    public void A_networks_name_cannot_lead_out_of_the_state_directory() =>
        FluentActions.Invoking(() => new StateDir(_dir.Path).Network("../x")).Should().Throw<ArgumentException>();
}
