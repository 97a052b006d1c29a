using Twill.Testing;

namespace Twill.System.Tests;

public sealed class TextFileTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("one")]
    [InlineData("one\ntwo\n")]
    [InlineData("one\n\ntwo")]
    [InlineData("ümläut\n")]
    public void Lines_are_those_that_the_framework_reads(string text)
    {
        string path = _dir.Write("file", text);

        TextFile.ReadLines(path).Should().Equal(File.ReadLines(path));
        TextFile.ReadAll(path).Should().Be(text);
    }

    [Fact]
    public void Lines_may_be_longer_than_what_is_read_at_once_and_end_anywhere_in_it()
    {
        string[] lines = [.. Enumerable.Range(0, 200).Select(i => new string((char)('a' + i % 26), i * 97))];

        TextFile.ReadLines(_dir.Write("file", string.Join('\n', lines))).Should().Equal(lines);
    }

    [Fact]
    public void The_kernels_files_are_read_though_they_tell_no_length()
    {
        TextFile.ReadAll("/proc/iomem").Should().Be(File.ReadAllText("/proc/iomem"));
        TextFile.ReadLines("/proc/iomem").Should().Equal(File.ReadLines("/proc/iomem"));
    }

    [Fact]
    public void A_caller_that_has_enough_closes_the_file()
    {
        string path = _dir.Write("file", "one\ntwo\n");

        TextFile.ReadLines(path).First().Should().Be("one");

        Directory.GetFiles("/proc/self/fd").Select(fd => new FileInfo(fd).LinkTarget).Should().NotContain(path);
    }

    [Fact]
    public void A_file_that_is_missing_is_told()
    {
        FluentActions.Invoking(() => TextFile.ReadAll(_dir.At("none"))).Should().Throw<FileNotFoundException>().WithMessage("*none*");
        FluentActions.Invoking(() => TextFile.ReadLines(_dir.At("none")).Count()).Should().Throw<FileNotFoundException>();
    }

    public void Dispose() => _dir.Dispose();
}
