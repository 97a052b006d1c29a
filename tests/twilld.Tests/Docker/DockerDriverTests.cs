using System.Text.Json;
using Twill.Agent.Docker;
using Twill.Cni;
using Twill.Network.State;

namespace Twill.Agent.Tests.Docker;

/// <summary>What Docker asks, in the order in which it does, without a kernel.</summary>
public sealed class DockerDriverTests : IDisposable
{
    private const string Container = "docker-02420af40702";

    private readonly DockerBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("""{"AddressSpace":"twill","Options":{"network":"pods"},"V6":false}""")]
    [InlineData("""{"AddressSpace":"twill","Pool":"10.244.0.0/16","Options":null,"V6":false,"OfALaterVersion":{"a":[1]}}""")]
    [InlineData("""{"AddressSpace":"twill"}""")]
    public void A_pool_is_the_network_that_is_named_or_has_the_addresses_or_is_the_only_one(string request)
    {
        JsonElement pool = _bench.Do("/IpamDriver.RequestPool", request);

        pool.GetProperty("PoolID").GetString().Should().Be("4/pods");
        pool.GetProperty("Pool").GetString().Should().Be("10.244.0.0/16");
        pool.GetProperty("Data").GetProperty("com.docker.network.gateway").GetString().Should().Be("10.244.0.1/16");
    }

    [Theory]
    [InlineData(
        "/IpamDriver.RequestPool",
        """{"Options":{"network":"other"}}""",
        "twill: there is no network 'other' on this host; network: expected one of pods"
    )]
    [InlineData(
        "/IpamDriver.RequestPool",
        """{"Pool":"10.9.0.0/16","Options":{"network":"pods"}}""",
        "twill: network 'pods' has other addresses; --subnet: expected 10.244.0.0/16, or to be left out, got 10.9.0.0/16"
    )]
    [InlineData("/IpamDriver.RequestPool", """{"V6":true}""", "twill: network 'pods' gives no IPv6 addresses; create it without --ipv6")]
    [InlineData("/IpamDriver.RequestPool", """{"Pool":7}""", "$.Pool: expected ")]
    [InlineData("/IpamDriver.RequestPool", """{"SubPool":"10.244.7.0/25"}""", "--ip-range: expected to be left out, got '10.244.7.0/25'")]
    [InlineData("/IpamDriver.RequestPool", """{"Options":{"netwrok":"pods"}}""", "--ipam-opt: expected network=NAME only")]
    [InlineData("/IpamDriver.RequestAddress", """{"PoolID":"pods"}""", "$.PoolID: expected a pool of twill's, like 4/NETWORK, got 'pods'")]
    [InlineData("/IpamDriver.RequestAddress", """{"PoolID":"4/../x"}""", "$.PoolID: expected a pool of twill's")]
    [InlineData("/IpamDriver.RequestAddress", """{"PoolID":"4/pods"}""", "--aux-address: expected to be left out")]
    [InlineData(
        "/IpamDriver.RequestAddress",
        """{"PoolID":"4/pods","Address":"10.244.9.9","Options":{"RequestAddressType":"com.docker.network.gateway"}}""",
        "--gateway: expected to be left out, got 10.244.9.9"
    )]
    [InlineData("/NetworkDriver.CreateNetwork", """{"NetworkID":"../../x"}""", "$.NetworkID: expected an id of Docker's, letters")]
    [InlineData(
        "/NetworkDriver.CreateNetwork",
        """{"NetworkID":"n1","Options":{"com.docker.network.generic":{"network":"pods","mtu":"9000"}}}""",
        "unknown option 'mtu'; -o: expected network=NAME only"
    )]
    [InlineData(
        "/NetworkDriver.CreateNetwork",
        """{"NetworkID":"n1","Options":{"com.docker.network.generic":{"network":"pods"}},"IPv4Data":[{"Pool":"172.18.0.0/16"}]}""",
        "expected 10.244.0.0/16, got 172.18.0.0/16: create it with --ipam-driver twill --ipam-opt network=pods"
    )]
    [InlineData(
        "/NetworkDriver.CreateNetwork",
        """{"NetworkID":"n1","Options":{"com.docker.network.internal":true}}""",
        "--internal is not supported"
    )]
    [InlineData("/NetworkDriver.CreateEndpoint", """{"NetworkID":"n9","EndpointID":"e1"}""", "there is no network n9 of Docker's")]
    [InlineData("/NetworkDriver.Join", """{"NetworkID":"n9"}""", "remove it in Docker (docker network rm) and create it again")]
    public void What_cannot_be_done_is_told_with_what_and_where_and_the_value_and_what_to_do(string path, string request, string text)
    {
        _bench.Refused(path, request).Should().Contain(text);
        _bench.Plugins.Calls.Should().BeEmpty();
    }

    [Fact]
    public void A_container_gets_its_address_keeps_it_until_Docker_gives_it_back_and_leaves_no_record()
    {
        _bench.CreateNetwork();
        string address = _bench.RequestAddress();
        address.Should().Be("10.244.7.2/24");
        _bench.Plugins.LastConfig.GetProperty("name").GetString().Should().Be("pods");
        DockerEndpoint.Attachments(Pods).Should().Equal(new CniAttachment(Container, "eth0"));

        _bench.Do("/NetworkDriver.CreateEndpoint", DockerBench.EndpointRequest("e1", address)).ToString()
            .Should()
            .Be("""{"Interface":{}}""", "Docker has said all of it");
        _bench.Endpoints.OfId("pods", "e1")!.Addresses.Should().Equal("10.244.7.2/24");

        _bench.Do("/NetworkDriver.Leave", """{"NetworkID":"n1","EndpointID":"e1"}""");
        _bench.Do("/NetworkDriver.DeleteEndpoint", """{"NetworkID":"n1","EndpointID":"e1"}""");
        DockerEndpoint.Attachments(Pods).Should().ContainSingle("Docker has the address still");
        _bench.Do("/IpamDriver.ReleaseAddress", """{"PoolID":"4/pods","Address":"10.244.7.2"}""");

        DockerEndpoint.Attachments(Pods).Should().BeEmpty();
        _bench.Plugins.Calls.Should().Equal($"twill-ipam ADD {Container}", $"twill DEL {Container}");
        _bench.Do("/IpamDriver.ReleaseAddress", """{"PoolID":"4/pods","Address":"10.244.7.2"}""");
        _bench.Do("/NetworkDriver.Leave", """{"NetworkID":"n1","EndpointID":"e1"}""");
        _bench.Do("/NetworkDriver.DeleteNetwork", """{"NetworkID":"n1"}""");
        _bench.Refused("/NetworkDriver.Join", """{"NetworkID":"n1","EndpointID":"e1"}""").Should().Contain("there is no network n1");
    }

    [Fact]
    public void An_address_that_is_asked_for_is_given_and_one_that_is_taken_is_refused_in_the_plugins_words()
    {
        _bench.RequestAddress(wanted: "10.244.7.77").Should().Be("10.244.7.77/24");
        _bench.Plugins.Failure = new CniException(CniErrorCode.TryAgainLater, "the address asked for cannot be had", "it is taken by c1");

        _bench
            .Refused("/IpamDriver.RequestAddress", DockerBench.AddressRequest("02:42:0a:f4:07:03", "10.244.7.77"))
            .Should()
            .Be("twill: the address asked for cannot be had; it is taken by c1");

        DockerEndpoint.Attachments(Pods).Should().ContainSingle("of the refused one nothing stays");
    }

    [Fact]
    public void What_Docker_left_of_an_address_that_it_never_used_does_not_keep_its_hardware_address()
    {
        _bench.RequestAddress().Should().Be("10.244.7.2/24");

        _bench.RequestAddress().Should().Be("10.244.7.3/24");

        _bench.Plugins.Calls.Should().Equal($"twill-ipam ADD {Container}", $"twill DEL {Container}", $"twill-ipam ADD {Container}");
        DockerEndpoint.Attachments(Pods).Should().ContainSingle();
    }

    [Fact]
    public void An_endpoint_whose_addresses_are_not_twills_is_refused()
    {
        _bench.CreateNetwork();
        _bench
            .Refused("/NetworkDriver.CreateEndpoint", DockerBench.EndpointRequest("e1", "172.18.0.2/16"))
            .Should()
            .Contain("create the network in Docker with --ipam-driver twill");
        _bench.RequestAddress();
        _bench
            .Refused("/NetworkDriver.CreateEndpoint", DockerBench.EndpointRequest("e1", "10.244.7.9/24"))
            .Should()
            .Contain("$.Interface.Address: expected one of 10.244.7.2/24, as twill gave them, got '10.244.7.9/24'");
    }

    [Theory]
    [InlineData("""[{"Proto":6,"IP":"","Port":80,"HostIP":"","HostPort":8080,"HostPortEnd":8080}]""", "")]
    [InlineData("""[{"Proto":6,"Port":80,"HostPort":0,"HostPortEnd":0}]""", "--publish: expected one like -p 8080:80, got none")]
    [InlineData("""[{"Proto":6,"Port":80,"HostPort":8000,"HostPortEnd":8010}]""", "got 8000-8010")]
    [InlineData("""[{"Proto":1,"Port":80,"HostPort":80}]""", "expected 6 (tcp), 17 (udp) or 132 (sctp), got '1'")]
    [InlineData("""[{"Proto":6,"Port":99999,"HostPort":80}]""", "expected a whole number from 1 to 65535, got '99999'")]
    [InlineData("""[{"Proto":6,"Port":80,"HostPort":80,"HostIP":"x"}]""", "hostIP")]
    [InlineData("""{"Proto":6}""", "expected a list, got an object")]
    public void Ports_are_those_of_the_host_that_are_named(string ports, string refusal)
    {
        _bench.CreateNetwork();
        string address = _bench.RequestAddress();
        string request = DockerBench.EndpointRequest("e1", address, options: $$$"""{"com.docker.network.portmap":{{{ports}}} }""");
        if (refusal.Length > 0)
        {
            _bench.Refused("/NetworkDriver.CreateEndpoint", request).Should().Contain(refusal);
            return;
        }

        _bench.Do("/NetworkDriver.CreateEndpoint", request);
        _bench
            .Endpoints.OfId("pods", "e1")!
            .Ports.Should()
            .Be("""[{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":""}]""");
    }

    [Fact]
    public void The_second_family_is_of_the_same_container_and_an_address_of_it_can_be_asked_for()
    {
        using DockerBench dual = new(isDual: true);
        dual.Do("/IpamDriver.RequestPool", """{"V6":true}""").GetProperty("PoolID").GetString().Should().Be("6/pods");
        dual.RequestAddress().Should().Be("10.244.7.2/24");

        dual.RequestAddress(pool: "6/pods").Should().Be("fc00::2/64");

        dual.Plugins.Calls.Should().ContainSingle();
        dual.RequestAddress("02:42:0a:f4:07:03").Should().Be("10.244.7.3/24");
        dual.RequestAddress("02:42:0a:f4:07:03", "fc00::77", "6/pods").Should().Be("fc00::77/64");
        dual.Endpoints.List("pods").Select(one => string.Join(' ', one.Addresses))
            .Should()
            .BeEquivalentTo("10.244.7.2/24 fc00::2/64", "10.244.7.3/24 fc00::77/64");
        dual.Refused("/NetworkDriver.CreateNetwork", """{"NetworkID":"n1","IPv4Data":[{"Pool":"10.244.7.0/24"}]}""")
            .Should()
            .Contain("network 'pods' gives IPv6 addresses as well; create it with --ipv6");
    }

    [Fact]
    public async Task An_endpoint_that_joined_and_has_no_host_end_is_given_back_and_one_that_is_on_its_way_is_not()
    {
        _bench.CreateNetwork();
        string gone = _bench.RequestAddress();
        _bench.RequestAddress("02:42:0a:f4:07:03");
        _bench.Do("/NetworkDriver.CreateEndpoint", DockerBench.EndpointRequest("e1", gone));
        DockerEndpoint joined = _bench.Endpoints.OfId("pods", "e1")!;
        _bench.Endpoints.Write(joined with { Sandbox = "/run/docker/netns/gone" });

        await new EndpointSweep(_bench.Endpoints, _bench.Log).SweepAsync(CancellationToken.None);

        _bench.Endpoints.List("pods").Should().ContainSingle().Which.Mac.Should().Be("02:42:0a:f4:07:03");
        _bench.Plugins.Calls[^1].Should().Be($"twill DEL {Container}");
    }

    private NetworkStateDir Pods => _bench.State.Existing("pods");
}
