using System.Diagnostics;
using System.Text;
using Twill.Testing;

namespace Twill.System.Tests;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();

    public void Dispose() => _dir.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Content_is_replaced_whole_private_and_without_leftovers(bool durable)
    {
        string path = _dir.At("x");
        AtomicFile.Write(path, new byte[100_000], durable);

        AtomicFile.Write(path, "short"u8, durable);

        File.ReadAllText(path).Should().Be("short");
        File.GetUnixFileMode(path).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Directory.GetFiles(_dir.Path).Should().Equal(path);
    }

    [Fact]
    public void What_a_killed_writer_left_is_used_up_by_the_next()
    {
        _dir.Write(".x.tmp", new string('z', 500));

        AtomicFile.Write(_dir.At("x"), "new"u8);

        File.ReadAllText(_dir.At("x")).Should().Be("new");
        Directory.GetFiles(_dir.Path).Should().ContainSingle();
    }

    [Fact]
    public void A_change_that_decides_to_change_nothing_leaves_everything()
    {
        _dir.Write("x", "old");

        AtomicFile.Update(_dir.At("x"), content =>
        {
            Encoding.UTF8.GetString(content!).Should().Be("old");
            return null;
        });
        AtomicFile.Update(_dir.At("y"), content => content.Should().BeNull().And.Subject as byte[]);

        File.ReadAllText(_dir.At("x")).Should().Be("old");
        Directory.GetFiles(_dir.Path).Should().ContainSingle();
    }

    [Fact]
    public void A_change_that_throws_leaves_everything()
    {
        _dir.Write("x", "old");

        FluentActions
            .Invoking(() => AtomicFile.Update(_dir.At("x"), _ => throw new InvalidOperationException("no")))
            .Should()
            .Throw<InvalidOperationException>();

        File.ReadAllText(_dir.At("x")).Should().Be("old");
        Directory.GetFiles(_dir.Path).Should().ContainSingle();
    }

    [Fact]
    public void No_update_of_many_at_once_is_lost()
    {
        string path = _dir.At("count");

        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
            AtomicFile.Update(path, content =>
                Encoding.UTF8.GetBytes($"{(content is null ? 0 : int.Parse(Encoding.UTF8.GetString(content))) + 1}")
            )
        );

        File.ReadAllText(path).Should().Be("200");
        Directory.GetFiles(_dir.Path).Should().ContainSingle();
    }

    [Fact]
    public async Task A_reader_never_sees_half_a_file()
    {
        string path = _dir.At("x");
        byte[][] contents = [.. Enumerable.Range(0, 4).Select(i => Enumerable.Repeat((byte)('a' + i), 50_000 * (i + 1)).ToArray())];
        AtomicFile.Write(path, contents[0]);
        using var stop = new CancellationTokenSource();
        Task writer = Task.Run(() =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                AtomicFile.Write(path, contents[i % 4]);
            }
        });

        for (int i = 0; i < 300; i++)
        {
            byte[] seen = AtomicFile.TryReadAll(path)!;
            seen.Length.Should().Be(50_000 * (seen[0] - 'a' + 1));
            seen.AsSpan().IndexOfAnyExcept(seen[0]).Should().Be(-1);
        }
        await stop.CancelAsync();
        await writer;
    }

    [Fact]
    public void A_symbolic_link_in_the_way_is_not_followed()
    {
        string victim = _dir.Write("victim", "precious");
        File.CreateSymbolicLink(_dir.At(".x.tmp"), victim);

        FluentActions
            .Invoking(() => AtomicFile.Write(_dir.At("x"), "new"u8))
            .Should()
            .Throw<LibcException>()
            .WithMessage("open *.x.tmp: *errno 40)");

        File.ReadAllText(victim).Should().Be("precious");
    }

    [Theory]
    [InlineData("ln -s victim x")]
    [InlineData("ln -s /dev/zero x")]
    [InlineData("mkfifo x")]
    public void What_is_no_file_reads_as_empty_and_the_next_write_replaces_it(string make)
    {
        string victim = _dir.Write("victim", "precious");
        Cmd.Sh($"cd {_dir.Path}; {make}");

        AtomicFile.TryReadAll(_dir.At("x")).Should().BeEmpty();
        AtomicFile.Write(_dir.At("x"), "new"u8);

        Cmd.Sh($"stat -c %F:%a {_dir.At("x")}; cat {_dir.At("x")}").Should().Be("regular file:600\nnew");
        File.ReadAllText(victim).Should().Be("precious");
    }

    [Fact]
    public void A_file_of_gigabytes_or_without_end_is_refused()
    {
        Cmd.Sh($"truncate -s 8G {_dir.At("x")}; ln -s /dev/zero {_dir.At("named")}");

        FluentActions
            .Invoking(() => AtomicFile.TryReadAll(_dir.At("x")))
            .Should()
            .Throw<IOException>()
            .WithMessage("*/x is larger than 16777216 bytes");
        FluentActions
            .Invoking(() => SmallFile.ReadAll(_dir.At("named")))
            .Should()
            .Throw<IOException>()
            .WithMessage("*/named is larger than 16777216 bytes");
    }

    [Fact]
    public void A_missing_directory_is_named() =>
        FluentActions
            .Invoking(() => AtomicFile.Write(_dir.At("no/x"), "new"u8))
            .Should()
            .Throw<IOException>()
            .WithMessage($"open {_dir.At("no/.x.tmp")}: No such file*");

    [Fact]
    public void A_lock_is_for_one_holder_and_ends_with_it()
    {
        string path = _dir.At("lock");
        FileLock first = FileLock.Acquire(path, TimeSpan.Zero);

        FileLock.TryAcquire(path, TimeSpan.FromMilliseconds(30)).Should().BeNull();
        first.Dispose();

        using FileLock? second = FileLock.TryAcquire(path, TimeSpan.Zero);
        second.Should().NotBeNull();
    }

    [Fact]
    public void A_lock_that_does_not_come_free_names_its_holder()
    {
        string path = _dir.At("lock");
        using FileLock held = FileLock.Acquire(path, TimeSpan.Zero);

        FluentActions
            .Invoking(() => FileLock.Acquire(path, TimeSpan.FromMilliseconds(50)))
            .Should()
            .Throw<TimeoutException>()
            .WithMessage($"the lock {path} is held by process {Environment.ProcessId} (*), waited 0.05 s for it");
    }

    [Fact]
    public void A_lock_waits_for_another_process()
    {
        string path = _dir.At("lock");
        using Process other = Process.Start(
            new ProcessStartInfo("flock", [path, "sh", "-c", "echo held; read end"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            }
        )!;
        other.StandardOutput.ReadLine().Should().Be("held");
        FileLock.TryAcquire(path, TimeSpan.FromMilliseconds(20)).Should().BeNull();

        other.StandardInput.Close();
        using FileLock? mine = FileLock.TryAcquire(path, TimeSpan.FromSeconds(20));

        mine.Should().NotBeNull();
        other.WaitForExit();
    }
}
