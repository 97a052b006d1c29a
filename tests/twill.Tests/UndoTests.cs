using Twill.Cni;
using Twill.Host;

namespace Twill.Plugin.Tests;

public sealed class UndoTests
{
    [Fact]
    public void Steps_are_taken_back_newest_first_whatever_fails_on_the_way()
    {
        List<string> done = [];
        Undo undo = new();
        undo.Add("release the address", () => done.Add("address"));
        undo.Add("delete tw0", () => throw new HostException("it is stuck"));
        undo.Add("delete the route", () => done.Add("route"));

        undo.Dispose();
        undo.Dispose();

        done.Should().Equal("route", "address");
        undo.Failures.Should().Equal("could not delete tw0: it is stuck");
    }

    [Fact]
    public void What_was_committed_stays()
    {
        bool undone = false;
        using (Undo undo = new())
        {
            undo.Add("delete it", () => undone = true);
            undo.Commit();
        }

        undone.Should().BeFalse();
    }

    [Fact]
    public void The_error_of_an_add_says_what_could_not_be_taken_back()
    {
        CniException told = ErrorMapping.WithLeftovers(new HostException("no bridge"), ["could not delete tw0: it is stuck"]);

        told.Code.Should().Be(CniErrorCode.Kernel);
        told.Text.Should().Be("no bridge; and undoing it failed too: could not delete tw0: it is stuck");
    }

    [Fact]
    public void A_cleanup_tries_every_step_and_reports_all_failures_under_the_first_ones_code()
    {
        bool last = false;
        Cleanup cleanup = new Cleanup()
            .Try("cannot delete tw0", () => throw new HostException("it is stuck"))
            .Try("cannot release the address", () => throw new CniException(CniErrorCode.TryAgainLater, "locked"))
            .Try("fine", () => last = true);

        Action report = cleanup.ThrowIfAny;

        last.Should().BeTrue();
        CniException told = report.Should().Throw<CniException>().Which;
        told.Code.Should().Be(CniErrorCode.Kernel);
        told.Text.Should().Be("cannot delete tw0: it is stuck; cannot release the address: locked");
    }
}
