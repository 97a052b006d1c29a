namespace Twill.Ipam.Tests.Verbs;

/// <summary>An address that is asked for before there is a container: <c>args.cni.reservation</c>.</summary>
public sealed class ReservationTests : IDisposable
{
    private readonly IpamBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void An_address_that_was_reserved_is_taken_by_the_next_ADD_of_the_same_attachment_as_often_as_that_comes()
    {
        _bench.Add(Reserving("take"), netns: "/nowhere/yet").Should().Be("10.1.2.2/24");

        _bench.Add(Reserving("take")).Should().Be("10.1.2.2/24");
        _bench.Add(Reserving("take")).Should().Be("10.1.2.2/24");

        Record("10.1.2.2").Should().Contain("netns: /nowhere/yet\ninode: -\n");
        _bench.Add(Reserving("take"), "c2").Should().Be("10.1.2.3/24", "another attachment's is another");
        _bench.Run("ADD", _bench.Fixed()).ErrorCode.Should().Be(104, "an ADD that asks for nothing of the kind is a second one");
    }

    [Fact]
    public void It_belongs_to_the_namespace_of_the_call_that_settles_it()
    {
        _bench.Add(Reserving("take"), netns: "/nowhere/yet");

        _bench.Add(Reserving("settle")).Should().Be("10.1.2.2/24");

        Record("10.1.2.2").Should().Contain("netns: /proc/self/ns/net\ninode: ").And.NotContain("inode: -");
        _bench.Run("DEL", _bench.Fixed()).OrThrow();
        File.Exists($"{_bench.Records}/10.1.2.2").Should().BeFalse();
        Directory.GetFiles($"{_bench.Records}/attachments").Should().BeEmpty();
    }

    [Fact]
    public void Both_addresses_of_a_container_are_settled()
    {
        string ipam = ""","ipv6Subnet":"fc00:1::/64" """;
        _bench.Run("ADD", Reserving("take", ipam), netns: "/nowhere/yet").OrThrow();

        _bench.Run("ADD", Reserving("settle", ipam)).OrThrow().Json.GetProperty("ips").GetArrayLength().Should().Be(2);

        Record("10.1.2.2").Should().Be(Record("fc00:1::2")).And.Contain("netns: /proc/self/ns/net\n");
    }

    [Fact]
    public void Another_word_is_refused() =>
        _bench.Run("ADD", Reserving("keep")).ErrorText.Should().Contain("$.args.cni.reservation: expected take or settle, got 'keep'");

    [Fact]
    public void A_GC_spares_the_endpoints_of_Docker()
    {
        _bench.Add(Reserving("take"), "docker-02420af40702");
        _bench.Add(_bench.Fixed(), "c2");
        KeptByGc($"{_bench.NetworkStateDir.DockerPath}/docker-02420af40702.json");
    }

    [Fact]
    public void A_GC_spares_what_twill_attach_has_attached()
    {
        _bench.Add(_bench.Fixed(), "4f2c");
        _bench.Add(_bench.Fixed(), "c2");
        KeptByGc($"{_bench.NetworkStateDir.AttachedPath}/eth0@4f2c.json");
    }

    /// <summary>Of two addresses the first is kept, as its container has that record.</summary>
    private void KeptByGc(string record)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(record)!);
        File.WriteAllText(record, "{}");

        _bench.Run("GC", _bench.Fixed(top: ""","cni.dev/valid-attachments":[]""")).OrThrow();

        File.Exists($"{_bench.Records}/10.1.2.2").Should().BeTrue();
        File.Exists($"{_bench.Records}/10.1.2.3").Should().BeFalse();
    }

    private string Reserving(string how, string ipam = "") =>
        _bench.Fixed(ipam: ipam, top: $$$""","args":{"cni":{"reservation":"{{{how}}}"}}""");

    private string Record(string address) => File.ReadAllText($"{_bench.Records}/{address}");
}
