using System.Net;
using Twill.Agent.Address;
using Twill.Network.State;
using Twill.System;
using Twill.Testing;

namespace Twill.Agent.Tests.Address;

/// <summary>`twill address` on a host of many: only what its own subnet gives out can be reserved.</summary>
public sealed class AddressCommandTests : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();

    public AddressCommandTests() =>
        _directory.Write(
            "conf/pods.conflist",
            $$$"""
            {"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"twill","ipam":{"type":"twill-ipam","network":"10.244.0.0/16",
             "ipv6Network":"fc00:1::/48","dataDir":"{{{_directory.At("data")}}}","etcd":{"endpoints":["http://127.0.0.1:1"]} } }]}
            """
        );

    [Fact]
    public void Before_the_host_has_a_subnet_nothing_can_be_reserved() =>
        Refused("reserve", "pods", "web").Should().Contain("this host has no subnet in network pods yet");

    [Fact]
    public void An_address_of_the_own_subnet_is_reserved_and_one_of_another_hosts_refused()
    {
        Lease();

        Run("reserve", "pods", "web", "10.244.7.20").Should().Be("10.244.7.20 is reserved for web in network pods on this host\n");
        Run("reserve", "pods", "web", "fc00:1:0:7::20").Should().StartWith("fc00:1:0:7::20 is reserved for web");
        Run("reserve", "pods", "db").Should().StartWith("10.244.7.254 is reserved for db");
        Run("reserve", "pods", "cache").Should().StartWith("10.244.7.253 is reserved for cache");

        Refused("reserve", "pods", "far", "10.244.8.20").Should()
            .Be(
                "10.244.8.20 is not of this host's subnet (10.244.7.0/24, fc00:1:0:7::/64): an address stays with a name on one host, and "
                    + "does not follow it to others; reserve it on the host that has its subnet (twill peers)"
            );
        Refused("reserve", "pods", "far", "10.244.7.1").Should().Contain("10.244.7.1 is not given out here");
        File.ReadAllText(_directory.At("data/pods/reserved")).Should()
            .Be("10.244.7.20 web\nfc00:1:0:7::20 web\n10.244.7.254 db\n10.244.7.253 cache\n");

        Run("release", "pods", "web").Should().StartWith("10.244.7.20, fc00:1:0:7::20 is not reserved for web any more");
        File.ReadAllText(_directory.At("data/pods/reserved")).Should().Be("10.244.7.254 db\n10.244.7.253 cache\n");
    }

    [Fact]
    public void The_list_says_what_a_host_does_not_give_out_any_more()
    {
        Lease();
        Run("reserve", "pods", "web", "10.244.7.20");
        Lease("10.244.9.0/24");

        Run("list").Should().Be("pods  web  10.244.7.20      free; this host does not give it out any more: release it\n");
        Run("list", "--json").Should().Contain("\"given\": false").And.Contain("\"holder\": null");
    }

    public void Dispose() => _directory.Dispose();

    private void Lease(params string[] subnets) =>
        new SubnetFile
        {
            Network = "pods",
            NodeId = "0123456789abcdef0123456789abcdef",
            Subnets = [.. (subnets.Length > 0 ? subnets : ["10.244.7.0/24", "fc00:1:0:7::/64"]).Select(IPNetwork.Parse)],
            Backend = "vxlan",
            LeaseId = 1,
            Ttl = 86_400,
            BootId = BootClock.BootId,
            Deadline = BootClock.Now + 86_400,
        }.Write(new StateDir(_directory.At("run")).Network("pods"));

    private string Run(params string[] args)
    {
        using StringWriter told = new();
        AddressOptions options = AddressOptions.Parse([.. args, "--conf-dir", _directory.At("conf")]);
        new AddressCommand(options, new StateDir(_directory.At("run")), told).Run();
        return told.ToString();
    }

    private string Refused(params string[] args)
    {
        Func<string> run = () => Run(args);
        return run.Should().Throw<IOException>().Which.Message;
    }
}
