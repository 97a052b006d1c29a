using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Twill.Testing;
using static Tmds.Linux.LibC;

namespace Twill.System.Tests;

public sealed class LibcTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();

    public void Dispose() => _dir.Dispose();

    [Fact]
    public void A_failure_names_call_file_and_reason()
    {
        string path = _dir.At("missing/x");

        LibcException failure = FluentActions.Invoking(() => Libc.Open(path, O_RDONLY)).Should().Throw<LibcException>().Which;

        failure.Message.Should().Be($"open {path}: No such file or directory (errno 2)");
        failure.Path.Should().Be(path);
        failure.Errno.Should().Be(Errno.ENOENT);
    }

    [Fact]
    public void A_failure_below_an_open_directory_names_the_whole_path()
    {
        using SafeFileHandle directory = Libc.TryOpenDirectory(_dir.Path)!;
        Directory.CreateDirectory(_dir.At("sub"));

        FluentActions
            .Invoking(() => Libc.OverwriteAt(directory, "sub", "x"u8))
            .Should()
            .Throw<LibcException>()
            .WithMessage($"open {_dir.At("sub")}: Is a directory (errno 21)")
            .Which.Path.Should()
            .Be(_dir.At("sub"));
    }

    [Fact]
    public void Files_below_an_open_directory_are_made_read_linked_and_removed()
    {
        using SafeFileHandle directory = Libc.TryOpenDirectory(_dir.Path)!;
        byte[] content = new byte[16],
            target = new byte[16];

        Libc.WriteNewAt(directory, "a", "hello"u8);
        Libc.TryLinkAt(directory, "a", "b").Should().BeTrue();
        Libc.TryLinkAt(directory, "a", "b").Should().BeFalse("the name is taken");
        Libc.TrySymlinkAt(directory, "a", "s").Should().BeTrue();
        Libc.MakeDirectoryAt(directory, "d");

        Libc.ReadAt(directory, "b", content).Should().Be(5);
        content.AsSpan(0, 5).SequenceEqual("hello"u8).Should().BeTrue();
        Libc.ReadAt(directory, "s", content).Should().Be(0, "a symbolic link is no file");
        Libc.ReadAt(directory, "d", content).Should().Be(0, "a directory is no file");
        Libc.ReadAt(directory, "missing", content).Should().Be(-1);
        Libc.ReadLinkAt(directory, "s", target).Should().Be(1);
        Libc.ReadLinkAt(directory, "a", target).Should().Be(-1);
        File.GetUnixFileMode(_dir.At("a")).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.GetUnixFileMode(_dir.At("d")).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Libc.TryUnlinkAt(directory, "a").Should().BeTrue();
        Libc.TryUnlinkAt(directory, "a").Should().BeFalse();
        Libc.ExistsAt(directory, "a").Should().BeFalse();
        Libc.ExistsAt(directory, "b").Should().BeTrue();
        Libc.TryOpenDirectory(_dir.At("missing")).Should().BeNull();
    }

    [Fact]
    public void A_file_is_identified_as_stat_shows_it()
    {
        string path = _dir.Write("x", "");
        using SafeFileHandle file = Libc.Open(path, O_RDONLY);

        (ulong device, ulong inode) = Libc.Identity(file);

        Cmd.Sh($"stat -c %d:%i {path}").Trim().Should().Be($"{device}:{inode}");
        Libc.TryIdentity(path).Should().Be((device, inode));
        Libc.TryIdentity(_dir.At("missing")).Should().BeNull();
        Libc.IsStillNamed(file, path).Should().BeTrue();
        File.Delete(path);
        Libc.IsStillNamed(file, path).Should().BeFalse();
    }

    [Fact]
    public void A_handle_that_was_closed_is_no_longer_used()
    {
        SafeFileHandle counter = Libc.EventFd();
        counter.Dispose();

        FluentActions
            .Invoking(() => Libc.Signal(counter))
            .Should()
            .Throw<ObjectDisposedException>("its number may be another file's by now");
    }

    [Fact]
    public void A_poll_tells_which_descriptor_is_ready()
    {
        (SafeFileHandle reader, SafeFileHandle writer) = Libc.Pipe();
        using (reader)
        using (writer)
        {
            pollfd[] fds = [new() { fd = (int)reader.DangerousGetHandle(), events = POLLIN }];

            Libc.Poll(fds, 0).Should().BeFalse();
            Libc.WriteAll(writer, "x"u8, "the pipe");
            Libc.Poll(fds, 1000).Should().BeTrue();

            fds[0].revents.Should().Be(POLLIN);
        }
    }
}
