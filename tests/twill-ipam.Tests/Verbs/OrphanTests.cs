namespace Twill.Ipam.Tests.Verbs;

/// <summary>The main plugin was killed, and the runtime goes on with the next call, while the IPAM plugin it started still runs.</summary>
public sealed class OrphanTests : IDisposable
{
    private readonly IpamBench _bench = new();

    [Fact]
    public void An_ADD_takes_no_address_that_a_DEL_may_already_have_looked_for()
    {
        _bench.IsAwaited = false;
        _bench.Run("ADD", _bench.Fixed()).ErrorCode.Should().Be(11);
        _bench.AllFiles.Should().Equal("lock");
    }

    [Fact]
    public void A_DEL_frees_no_address_that_the_next_ADD_may_already_have_been_given()
    {
        _bench.Add(_bench.Fixed());
        _bench.IsAwaited = false;
        _bench.Run("DEL", _bench.Fixed()).ErrorCode.Should().Be(11);
        _bench.Recorded.Should().Equal("10.1.2.2");
    }

    [Fact]
    public void A_GC_frees_no_address_by_a_list_that_may_be_out_of_date()
    {
        _bench.Add(_bench.Fixed());
        _bench.IsAwaited = false;
        _bench.Run("GC", _bench.Fixed(top: ""","cni.dev/valid-attachments":[]"""), netns: null).ErrorCode.Should().Be(11);
        _bench.Recorded.Should().Equal("10.1.2.2");
    }

    public void Dispose() => _bench.Dispose();
}
