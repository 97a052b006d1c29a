namespace Twill.System.Tests;

public sealed class OrphanReaperTests
{
    [Theory]
    [InlineData("systemd: reads SIGCHLD from a descriptor", "7fe3c0fe28014a03", "0000000000001000", "00000001000004ec", true)]
    [InlineData("tini: waits for blocked signals", "fffffffe3fcbfa07", "0000000000300000", "0000000000000000", true)]
    [InlineData("bash: catches SIGCHLD", "0000000000000000", "0000000000000004", "0000000000010002", true)]
    [InlineData("ignores SIGCHLD: the kernel reaps", "0000000000000000", "0000000000010000", "0000000000000000", true)]
    [InlineData("sleep", "0000000000000000", "0000000000000000", "0000000000000000", false)]
    [InlineData("python: ignores SIGPIPE, catches SIGINT", "0000000000000000", "0000000001001000", "0000000000000002", false)]
    [InlineData("a Go program: catches all there is", "fffffffe00000000", "0000000000000000", "fffffffd7fc1feff", false)]
    public void Who_reaps_what_it_inherits_is_seen_by_its_signals(string who, string blocked, string ignored, string caught, bool reaps)
    {
        string status = $"Name:\tinit\nSigQ:\t0/96000\nSigPnd:\t0\nSigBlk:\t{blocked}\nSigIgn:\t{ignored}\nSigCgt:\t{caught}\nCapInh:\t0\n";

        OrphanReaper.Reaps(status).Should().Be(reaps, who);
    }

    [Theory]
    [InlineData("")]
    [InlineData("SigCgt:\t0000000000010002\n")]
    [InlineData("Name:\tinit\nSigCgt:\tnothing\nSigIgn:\t")]
    public void What_is_no_status_tells_of_nobody(string status) => OrphanReaper.Reaps(status).Should().BeFalse();
}
