using Twill.Network.State;
using Twill.Testing;

namespace Twill.Network.Tests.State;

/// <summary>The journal of what `twill up` made.</summary>
public sealed class MadeFilesTests : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();
    private readonly MadeFiles _journal;

    public MadeFilesTests() => _journal = new MadeFiles(_directory.At("state/.up.json"));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void What_was_made_is_known_to_the_next_run_and_removed_from_the_bottom_up()
    {
        string file = _directory.At("etc/a/b/net.conflist"),
            link = _directory.At("etc/a/link");
        _journal.Make(new MadeFile(MadeKind.File, file, "one\n"));
        _journal.Make(new MadeFile(MadeKind.Link, link, "/opt/twill"));

        File.ReadAllText(file).Should().Be("one\n");
        File.GetUnixFileMode(file).Should().HaveFlag(UnixFileMode.OtherRead, "runtimes of other users read it");
        new FileInfo(link).LinkTarget.Should().Be("/opt/twill");
        _journal.IsOurs(file).Should().BeTrue();
        IReadOnlyList<MadeFile> made = _journal.Read(out string? problem);
        problem.Should().BeNull();
        made.Select(one => one.Path).Should().Equal(_directory.At("etc"), _directory.At("etc/a"), _directory.At("etc/a/b"), file, link);

        foreach (MadeFile one in made.Reverse())
        {
            one.IsAsMade.Should().BeTrue();
            one.Remove();
            _journal.Forget(one);
        }

        Directory.GetFileSystemEntries(_directory.Path).Should().BeEmpty();
    }

    [Fact]
    public void A_run_that_was_killed_before_its_journal_was_there_left_a_trace()
    {
        _journal.IsTrace.Should().BeFalse();
        Directory.CreateDirectory(_directory.At("state"));
        File.WriteAllText(_directory.At("state/..up.json.tmp"), "{");

        _journal.IsTrace.Should().BeTrue();
        _journal.Clear();

        Directory.GetFileSystemEntries(_directory.Path).Should().BeEmpty();
    }

    [Fact]
    public void What_somebody_changed_is_theirs()
    {
        string file = _directory.At("net.conflist");
        _journal.Make(new MadeFile(MadeKind.File, file, "one\n"));
        File.AppendAllText(file, "theirs\n");

        _journal.IsOurs(file).Should().BeFalse();
        _journal.Read(out _).Single().IsAsMade.Should().BeFalse();
    }

    [Fact]
    public void A_run_that_was_killed_before_it_replaced_its_own_file_has_both_contents_as_its_own()
    {
        string file = _directory.At("net.conflist");
        _journal.Make(new MadeFile(MadeKind.File, file, "one\n"));
        _journal.Make(new MadeFile(MadeKind.File, file, "two\n"));
        _journal.IsOurs(file).Should().BeTrue();

        File.WriteAllText(file, "one\n"); // as if it had ended behind the journal
        _journal.IsOurs(file).Should().BeTrue();
        File.WriteAllText(file, "zero\n");
        _journal.IsOurs(file).Should().BeFalse();
    }

    [Fact]
    public void A_directory_that_has_something_else_in_it_stays()
    {
        string file = _directory.At("net.d/net.conflist");
        _journal.Make(new MadeFile(MadeKind.File, file, ""));
        File.WriteAllText(_directory.At("net.d/other"), "");

        foreach (MadeFile one in _journal.Read(out _).Reverse())
        {
            one.Remove();
        }

        Directory.GetFileSystemEntries(_directory.At("net.d")).Should().Equal(_directory.At("net.d/other"));
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("""{"made":[{"kind":"device","path":"/etc/x","content":""}]}""", "a file, link or directory with an absolute path")]
    [InlineData("""{"made":[{"kind":"file","path":"x","content":""}]}""", "a file, link or directory with an absolute path")]
    [InlineData("""{"made":[{"kind":"file"}]}""", "$.made[0].path")]
    public void A_damaged_journal_is_named_and_nothing_is_made_without_it(string content, string words)
    {
        Directory.CreateDirectory(_directory.At("state"));
        File.WriteAllText(_directory.At("state/.up.json"), content);

        _journal.Read(out string? problem).Should().BeEmpty();
        problem.Should().Contain(words);
        FluentActions
            .Invoking(() => _journal.Make(new MadeFile(MadeKind.File, _directory.At("file"), "")))
            .Should()
            .Throw<IOException>()
            .WithMessage("*without this journal nothing could be undone*");
        File.Exists(_directory.At("file")).Should().BeFalse();
    }
}
