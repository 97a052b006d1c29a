using System.Globalization;
using System.Text.Json;
using Twill.System;
using Twill.Testing;

namespace Twill.Agent.Tests;

/// <summary>Two hosts with one node id, as a copied disk leaves them: neither takes the subnet from the other.</summary>
public sealed class ClonedHostTests : IDisposable
{
    private readonly AgentLab _lab = new();

    [RequiresRootFact]
    public void A_copy_of_a_host_is_told_by_both_takes_nothing_and_is_cured_by_the_printed_commands()
    {
        AgentHost original = _lab.StartHost(),
            copy = _lab.AddHost();
        original.WaitForOverlay();
        string subnet = original.Subnet,
            key = _lab.Lease(subnet)!;
        Cmd.Run("cp", ["-r", original.DataDir, copy.DataDir]).OrThrow();

        copy.Start();

        copy.WaitForError("two hosts have the node id");
        original.WaitForError("two hosts have the node id");
        foreach (AgentHost host in (AgentHost[])[original, copy])
        {
            string told = host.State("agent.json").GetProperty("lastError").GetString()!;
            told.Should().Contain(original.Address).And.Contain(copy.Address).And.Contain($"rm -f {host.DataDir}/node-id ");
        }

        Eventually.True(
            "the original hands out nothing any more",
            () => original.State("subnet.json").GetProperty("deadline").GetDouble() <= BootClock.Now
        );
        long revision = Revision();
        WaitForLooks(8);
        Revision().Should().Be(revision, "both try again, and write nothing");
        _lab.Lease(subnet).Should().Be(key, "containers of the original are still reached");
        File.Exists(copy.StatePath("subnet.json")).Should().BeFalse("the copy has leased nothing");

        copy.Agent!.Stop();
        Cmd.Run("sh", ["-c", Remedy(copy)]).OrThrow();
        copy.Start();

        copy.WaitForSubnet();
        copy.Subnet.Should().NotBe(subnet);
        Eventually.True(
            "the original goes on, once the claim has run out",
            () => original.State("subnet.json").GetProperty("deadline").GetDouble() > BootClock.Now,
            TimeSpan.FromSeconds(120),
            () => original.Log
        );
        original.Subnet.Should().Be(subnet);
        original.WaitForPeers(copy);
        copy.WaitForPeers(original);
    }

    [RequiresRootFact]
    public void Two_running_copies_of_a_snapshot_of_memory_are_told_by_both_and_cured_by_the_printed_commands()
    {
        AgentHost original = _lab.StartHost(),
            twin = _lab.AddHost();
        original.WaitForOverlay();
        string subnet = original.Subnet;
        twin.BecomeTwinOf(original); // node id, incarnation, lease and boot are the same

        twin.Start();

        twin.WaitForError("two hosts have the node id");
        original.WaitForError("two hosts have the node id");
        foreach (AgentHost host in (AgentHost[])[original, twin])
        {
            string told = host.State("agent.json").GetProperty("lastError").GetString()!;
            told.Should().Contain(original.Address).And.Contain(twin.Address);
            Eventually.True(
                $"{host.Address} hands out nothing any more",
                () => host.State("subnet.json").GetProperty("deadline").GetDouble() <= BootClock.Now
            );
        }

        twin.Agent!.Stop();
        Cmd.Run("sh", ["-c", Remedy(twin)]).OrThrow();
        twin.Start();

        Eventually.True("the twin has a subnet of its own", () => twin.Subnet != subnet, TimeSpan.FromSeconds(60), () => twin.Log);
        Eventually.True(
            "the original goes on, once the claim has run out",
            () =>
                original.State("subnet.json").GetProperty("deadline").GetDouble() > BootClock.Now
                && _lab.Lease(subnet)!.Contains($"\"{original.Address}\""),
            TimeSpan.FromSeconds(120),
            () => original.Log
        );
        original.Subnet.Should().Be(subnet);
        original.WaitForPeers(twin);
        twin.WaitForPeers(original);
    }

    [RequiresRootFact]
    public void A_host_that_comes_back_from_a_reboot_with_another_address_is_no_copy()
    {
        AgentHost host = _lab.StartHost();
        string subnet = host.Subnet;
        host.Agent!.Stop();
        host.ForgetState();
        host.Ns.Ip("address del 192.168.64.2/24 dev eth0");
        host.Ns.Ip("address add 192.168.64.200/24 dev eth0");
        host.Ns.Ip("route replace default via 192.168.64.1");

        host.Start();

        host.WaitForSubnet();
        host.Subnet.Should().NotBe(subnet, "its lease of before lives, and might be another host's");
        _lab.Lease(host.Subnet).Should().Contain("192.168.64.200");
        host.Log.Should().NotContain("two hosts");
    }

    public void Dispose() => _lab.Dispose();

    /// <summary>What the message says to run, without the service manager, which the test stands in for.</summary>
    private static string Remedy(AgentHost host)
    {
        string told = host.State("agent.json").GetProperty("lastError").GetString()!;
        string commands = told[(told.IndexOf("On the host that is the copy run: ", StringComparison.Ordinal) + 34)..];
        return string.Join("; ", commands.Split("; ").Where(command => !command.StartsWith("systemctl ", StringComparison.Ordinal)));
    }

    /// <summary>Waits until the agents have read what etcd holds of the nodes so many times more.</summary>
    private void WaitForLooks(int more)
    {
        double wanted = Looks() + more;
        Eventually.True($"the agents looked {more} times", () => Looks() >= wanted, TimeSpan.FromSeconds(120));
    }

    private double Looks() =>
        double.Parse(
            _lab.Underlay.Sh(
                $"curl -s {_lab.Etcd.Endpoint}/metrics | grep '^grpc_server_handled_total.*grpc_code=\"OK\".*grpc_method=\"Txn\"'"
            )
                .Split(' ')[^1],
            CultureInfo.InvariantCulture
        );

    private long Revision() => JsonDocument.Parse(_lab.Etcd.Etcdctl("get", "none", "-w", "json")).RootElement.GetProperty("header")
        .GetProperty("revision").GetInt64();
}
