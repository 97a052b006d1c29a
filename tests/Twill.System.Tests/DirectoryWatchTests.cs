using System.Collections.Concurrent;
using Twill.Testing;

namespace Twill.System.Tests;

/// <summary>What is heard of files in a directory.</summary>
public sealed class DirectoryWatchTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();
    private readonly ConcurrentQueue<string?> _heard = [];

    [Fact]
    public void Files_that_are_written_renamed_and_removed_are_named_and_the_end_of_the_directory_is_told()
    {
        string watched = _dir.At("watched");
        Directory.CreateDirectory(watched);
        using DirectoryWatch watch = new(watched, _heard.Enqueue);

        File.WriteAllText(Path.Combine(watched, "a"), "x");
        Hear("a");
        File.Move(Path.Combine(watched, "a"), Path.Combine(watched, "b"));
        Hear("a", "b");
        File.Delete(Path.Combine(watched, "b"));
        Hear("b");
        watch.IsAlive.Should().BeTrue();

        Directory.Delete(watched);
        Hear([null]);
        Eventually.True("it has ended", () => !watch.IsAlive);
    }

    [Fact]
    public void What_is_not_there_cannot_be_watched() =>
        FluentActions.Invoking(() => new DirectoryWatch(_dir.At("nothing"), _ => { })).Should().Throw<LibcException>();

    public void Dispose() => _dir.Dispose();

    private void Hear(params string?[] expected)
    {
        foreach (string? name in expected)
        {
            string? heard = "";
            Eventually.True($"{name ?? "the end"} is heard", () => _heard.TryDequeue(out heard));
            heard.Should().Be(name);
        }
    }
}
