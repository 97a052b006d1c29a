using System.Net;
using Twill.Network.State;
using Twill.Testing;

namespace Twill.Network.Tests.State;

public sealed class ReachabilityFileTests : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();

    private NetworkStateDir State => new StateDir(_directory.Path).Network("twill");

    [Fact]
    public void What_was_written_is_read()
    {
        PeerReachability[] peers =
        [
            new(IPNetwork.Parse("10.244.7.0/24"), IPAddress.Parse("192.168.64.7"), PeerState.Answers, 0, 0.25, 0.213, 90.5, 91),
            new(IPNetwork.Parse("fc00:1:0:7::/64"), IPAddress.Parse("fd00::7"), PeerState.Silent, 1, 1, null, null, 91)
            {
                SendError = "EPERM",
                ReportsFailure = true,
                ReportsSilence = true,
            },
        ];
        new ReachabilityFile
        {
            BootId = "boot",
            Time = 100.25,
            FullSize = 1450,
            NoneAnswers = true,
            NotMeasured = "no address",
            Peers = peers,
        }.Write(State);

        ReachabilityFile file = ReachabilityFile.TryRead(State, out string? problem)!;

        problem.Should().BeNull();
        (file.BootId, file.Time, file.FullSize, file.NoneAnswers, file.NotMeasured).Should().Be(("boot", 100.25, 1450, true, "no address"));
        file.Peers.Should().Equal(peers);
    }

    [Fact]
    public void Absent_it_is_no_problem()
    {
        ReachabilityFile.TryRead(State, out string? problem).Should().BeNull();
        problem.Should().BeNull();
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("""{"bootId":"b","time":1,"peers":{}}""", "$.peers: expected a list")]
    [InlineData("""{"bootId":"b","time":-1,"peers":[]}""", "$.time: expected a number of seconds")]
    [InlineData(
        """{"bootId":"b","time":1,"peers":[{"subnet":"10.244.7.1/24","publicIP":"192.0.2.1","state":"answers"}]}""",
        "$.peers[0].subnet"
    )]
    [InlineData(
        """{"bootId":"b","time":1,"peers":[{"subnet":"10.244.7.0/24","publicIP":"192.0.2.1","state":"asleep"}]}""",
        "$.peers[0].state: expected unknown or answers or losesFullSize or silent, got 'asleep'"
    )]
    public void A_damaged_one_is_told_with_the_place(string content, string complaint)
    {
        File.WriteAllText(State.ReachabilityPath, content);

        ReachabilityFile.TryRead(State, out string? problem).Should().BeNull();
        problem.Should().Contain("reachability.json").And.Contain(complaint);
    }

    public void Dispose() => _directory.Dispose();
}
