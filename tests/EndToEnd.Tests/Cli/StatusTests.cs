using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli;

/// <summary>What a healthy host says of itself, compared with what `ip`, etcd and the containers say.</summary>
public sealed class StatusTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    private LabHost Host => hosts.Cluster.Hosts[0];

    [RequiresRootFact]
    public void Status_tells_subnet_addresses_lease_agent_and_peers_as_they_are()
    {
        (int code, JsonElement json) = Host.TwillJson("status");

        code.Should().Be(0);
        JsonElement network = json.GetProperty("networks").EnumerateArray().Should().ContainSingle().Subject;
        Operator.Text(network, "network").Should().Be("twill");
        Operator.Text(network, "backend").Should().Be("vxlan");
        Operator.Text(network, "publicIP").Should().Be(Host.Address);
        Operator.Text(network, "bridge").Should().Be("twill0");
        network.GetProperty("mtu").GetInt32().Should().Be(Host.IpJson("link show dev twill.1")[0].GetProperty("mtu").GetInt32());
        JsonElement subnet = network.GetProperty("subnets")[0];
        Operator.Text(subnet, "subnet").Should().Be(hosts.Cluster.LeaseOf(Host));
        subnet.GetProperty("used").GetInt32().Should().Be(Leftovers.Records(Host).Count);
        subnet
            .GetProperty("free")
            .GetInt32()
            .Should()
            .Be(253 - Leftovers.Records(Host).Count, "network, broadcast and gateway are nobody's");
        network.GetProperty("lease").GetProperty("secondsLeft").GetDouble().Should().BeInRange(86_000, 86_400);
        JsonElement agent = network.GetProperty("agent");
        File.ReadAllText($"/proc/{agent.GetProperty("pid").GetInt32()}/comm").Trim().Should().Be("twilld");
        agent.GetProperty("peersWanted").GetInt32().Should().Be(1);
        agent.GetProperty("peersProgrammed").GetInt32().Should().Be(1);
        network.GetProperty("problems").GetArrayLength().Should().Be(0);
    }

    [RequiresRootFact]
    public void Peers_shows_the_other_host_with_all_three_entries()
    {
        (int code, JsonElement json) = Host.TwillJson("peers");

        code.Should().Be(0);
        JsonElement peer = json.GetProperty("networks")[0].GetProperty("peers").EnumerateArray().Should().ContainSingle().Subject;
        Operator.Text(peer, "subnet").Should().Be(hosts.Cluster.LeaseOf(hosts.Cluster.Hosts[1]));
        Operator.Text(peer, "publicIP").Should().Be(hosts.Cluster.Hosts[1].Address);
        Operator
            .Text(peer, "vtepMac")
            .Should()
            .Be(hosts.Cluster.Hosts[1].IpJson("link show dev twill.1")[0].GetProperty("address").GetString());
        (Operator.Text(peer, "route"), Operator.Text(peer, "neighbour"), Operator.Text(peer, "fdb")).Should().Be(("ok", "ok", "ok"));
    }

    [RequiresRootFact]
    public void Doctor_finds_nothing_on_a_healthy_host()
    {
        CmdResult doctor = Host.Twill("doctor");
        doctor.ExitCode.Should().Be(0, doctor.ToString());
        doctor.Stdout.Should().Contain(" 0 warnings, 0 failed");
    }

    [RequiresRootFact]
    public void Colours_are_for_terminals_that_want_them()
    {
        string OnTerminal(string environment) =>
            Host.Run("script", "-qec", $"env {environment} /opt/cni/bin/twill doctor", "/dev/null").Stdout;

        OnTerminal("TERM=xterm").Should().Contain("\e[32mok");
        OnTerminal("TERM=xterm NO_COLOR=1").Should().Contain("ok").And.NotContain("\e[");
        Host.Run("env", "TERM=xterm", "/opt/cni/bin/twill", "doctor").Stdout.Should().NotContain("\e[");
    }

    [RequiresRootTheory]
    [InlineData("status --network other", "no network 'other' in /etc/cni/net.d; there is twill")]
    [InlineData("doctor --conf-dir", "expected a directory after --conf-dir")]
    [InlineData("statsu", "unknown argument 'statsu'")]
    public void What_makes_no_sense_ends_with_code_2(string args, string complaint)
    {
        CmdResult result = Host.Twill(args);
        (result.ExitCode, result.Stdout).Should().Be((2, ""));
        result.Stderr.Should().Contain(complaint);
    }

    [RequiresRootFact]
    public void Who_is_not_root_is_told_so()
    {
        CmdResult result = Host.Run("setpriv", "--reuid=65534", "--clear-groups", "/opt/cni/bin/twill", "status");
        (result.ExitCode, result.Stdout).Should().Be((2, ""));
        result.Stderr.Should().Contain("needs root");
    }

    [RequiresRootFact]
    public void A_host_without_a_network_is_a_problem()
    {
        CmdResult result = Host.Twill("status --conf-dir /nowhere");
        result.ExitCode.Should().Be(1);
        result.Stdout.Should().Contain("/nowhere: there is no such directory");
    }
}
