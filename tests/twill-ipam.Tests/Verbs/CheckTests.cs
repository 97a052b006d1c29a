using Twill.Testing;

namespace Twill.Ipam.Tests.Verbs;

public sealed class CheckTests : IDisposable
{
    private const string Result = ""","prevResult":{"cniVersion":"1.1.0","ips":[{"address":"ADDRESS/24"}]}""";
    private readonly IpamBench _bench = new();

    [Fact]
    public void An_attachment_as_ADD_left_it_passes()
    {
        _bench.Add(_bench.Fixed());
        _bench.Run("CHECK", Config("10.1.2.2")).OrThrow().Stdout.Should().BeEmpty();
    }

    [Fact]
    public void Another_address_in_the_result_is_named_with_the_one_recorded()
    {
        _bench.Add(_bench.Fixed());
        Failure("10.1.2.9").Should().Contain("10.1.2.2").And.Contain("10.1.2.9/24");
    }

    [Fact]
    public void A_lost_record_is_named()
    {
        _bench.Add(_bench.Fixed());
        File.Delete($"{_bench.Records}/10.1.2.2");
        Failure("10.1.2.2").Should().Contain($"{_bench.Records}/10.1.2.2").And.Contain("missing");
    }

    [Fact]
    public void A_torn_record_is_named()
    {
        _bench.Add(_bench.Fixed());
        File.WriteAllText($"{_bench.Records}/10.1.2.2", "container: c1\n");
        Failure("10.1.2.2").Should().Contain($"{_bench.Records}/10.1.2.2").And.Contain("not an address record");
    }

    [Fact]
    public void A_record_of_another_container_is_named()
    {
        _bench.Add(_bench.Fixed(), "c2");
        Cmd.Sh($"ln -s ../10.1.2.2 {_bench.Records}/attachments/c1:eth0");
        Failure("10.1.2.2").Should().Contain("c2");
    }

    [Fact]
    public void An_attachment_never_added_fails()
    {
        Failure("10.1.2.2").Should().Contain("c1").And.Contain("no address");
    }

    [Fact]
    public void A_record_of_an_earlier_boot_fails()
    {
        _bench.Add(_bench.Fixed());
        _bench.Clock.BootId = "boot-2";
        Failure("10.1.2.2").Should().Contain("boot");
    }

    [Fact]
    public void Without_the_result_of_ADD_there_is_nothing_to_check()
    {
        _bench.Add(_bench.Fixed());
        CniAnswer answer = _bench.Run("CHECK", _bench.Fixed());
        answer.ErrorCode.Should().Be(7);
        answer.ErrorText.Should().Contain("$.prevResult");
    }

    public void Dispose() => _bench.Dispose();

    private string Config(string address) => _bench.Fixed(top: Result.Replace("ADDRESS", address, StringComparison.Ordinal));

    private string Failure(string address)
    {
        CniAnswer answer = _bench.Run("CHECK", Config(address));
        answer.ErrorCode.Should().Be(103);
        return answer.ErrorText;
    }
}
