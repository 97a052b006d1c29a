using Twill.Testing;

namespace Twill.EndToEnd.Tests.Tools;

public sealed class TempDirTests
{
    [Fact]
    public void A_directory_goes_with_all_it_holds()
    {
        TempDir directory = TempDir.Create();
        directory.Write("a/b", "text");
        directory.Dispose();
        Directory.Exists(directory.Path).Should().BeFalse();
    }

    [Fact]
    public void Directories_of_dead_runs_are_found_by_the_process_in_their_name()
    {
        const int NoProcess = 4_194_305; // one more than the kernel gives out
        string dead = $"twill-test-{NoProcess}-abcdef",
            alive = $"twill-test-{Environment.ProcessId}-abcdef";
        Owned.Orphans("twill-test", [dead, alive, "twill-test-readme", "other-1-2", $"twill-test-{NoProcess}"]).Should().Equal(dead);
    }
}
