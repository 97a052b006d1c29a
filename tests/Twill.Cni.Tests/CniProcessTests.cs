using System.Diagnostics;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Twill.System;
using Twill.Testing;

namespace Twill.Cni.Tests;

/// <summary>The real process around a plugin: its streams closed, slow, endless or unread.</summary>
public sealed class CniProcessTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();

    public CniProcessTests() => _dir.Write("conf", Calls.Config("1.0.0"));

    public void Dispose() => _dir.Dispose();

    /// <summary>Runs a line of shell in which <c>plugin</c> is the plugin; gives what the line printed.</summary>
    private (string Stdout, string Stderr) Shell(string line, string command = "ADD")
    {
        var start = new ProcessStartInfo(
            "/bin/sh",
            ["-c", $"plugin() {{ {Environment.ProcessPath} exec {typeof(Program).Assembly.Location}; }}; cd {_dir.Path}; {line}"]
        )
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in Calls.Environment(command))
        {
            start.Environment[name] = value;
        }

        using Process shell = Process.Start(start)!;
        Task<string> stderr = shell.StandardError.ReadToEndAsync();
        string stdout = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        return (stdout, stderr.GetAwaiter().GetResult());
    }

    [Fact]
    public void A_call_is_answered_on_standard_output_alone()
    {
        (string stdout, string stderr) = Shell("plugin < conf; echo $?");

        stdout
            .Should()
            .Be(
                """
                {"cniVersion":"1.0.0","ips":[{"address":"10.1.0.5/16"}]}
                0

                """
            );
        stderr.Should().BeEmpty();
    }

    [Fact]
    public void Input_that_comes_in_pieces_is_waited_for()
    {
        (string stdout, _) = Shell("(head -c 10 conf; sleep 0.5; tail -c +11 conf; sleep 0.2) | plugin");

        stdout.Should().StartWith("""{"cniVersion":"1.0.0","ips":""");
    }

    [Fact]
    public void Input_byte_by_byte_is_waited_for_however_long_it_takes_in_all() =>
        Shell(
            $"export {Program.Silence}=3000; (fold -w 1 conf | while IFS= read -r byte || [ \"$byte\" ]; do printf %s \"$byte\"; sleep "
                + $"0.07; done) | plugin"
        )
            .Stdout.Should()
            .StartWith("""{"cniVersion":"1.0.0","ips":""");

    [Theory]
    [InlineData("ADD")]
    [InlineData("DEL")]
    public void Input_that_falls_silent_without_an_end_is_an_io_failure(string command)
    {
        JsonElement error = JsonDocument
            .Parse(Shell($"export {Program.Silence}=300; mkfifo f; exec 9<>f; cat conf >&9; plugin < f 9>&-", command).Stdout)
            .RootElement;

        error.Code().Should().Be(5);
        error.Details().Should().Be("standard input brought nothing for 0.3 s and has not ended: the runtime has to close it");
    }

    [Fact]
    public void Version_is_answered_although_input_falls_silent() =>
        Shell($"export {Program.Silence}=300; mkfifo f; exec 9<>f; plugin < f 9>&-", "VERSION")
            .Stdout.Should()
            .StartWith("""{"cniVersion":"1.1.0","supportedVersions":""");

    [Fact]
    public void Input_without_end_is_refused() =>
        JsonDocument
            .Parse(Shell("plugin < /dev/zero").Stdout)
            .RootElement.Details()
            .Should()
            .Be("standard input: expected at most 16777216 bytes");

    [Fact]
    public void Closed_input_is_an_io_failure()
    {
        JsonElement error = JsonDocument.Parse(Shell("plugin <&-").Stdout).RootElement;

        error.Code().Should().Be(5);
        error.Details().Should().Be("standard input is closed");
    }

    [Fact]
    public void An_input_that_is_a_directory_is_an_io_failure()
    {
        JsonElement error = JsonDocument.Parse(Shell("plugin < .").Stdout).RootElement;

        error.Code().Should().Be(5);
        error.Details().Should().StartWith("read standard input: Is a directory");
    }

    [Theory]
    [InlineData("plugin < conf >&-", "standard output is closed")]
    [InlineData("plugin < conf > /dev/full", "write standard output: No space left on device (errno 28)")]
    [InlineData("(sleep 1; plugin < conf) | true", "write standard output: Broken pipe (errno 32)")]
    public void An_answer_that_cannot_be_written_is_said_on_standard_error(string line, string expected) =>
        Shell(line).Stderr.Should().Be($"cannot write the answer to standard output: {expected}\n");

    [Fact]
    public void A_pipe_is_abandoned_when_its_last_reader_is_gone()
    {
        (SafeFileHandle reader, SafeFileHandle writer) = Libc.Pipe();
        using (writer)
        {
            Libc.IsAbandoned((int)writer.DangerousGetHandle()).Should().BeFalse();
            reader.Dispose();
            Libc.IsAbandoned((int)writer.DangerousGetHandle()).Should().BeTrue();
        }
    }

    [Fact]
    public void With_every_stream_closed_the_call_fails_and_nothing_hangs() =>
        Shell("plugin <&- >&- 2>&-; echo $?").Stdout.Should().Be("1\n");

    [Fact]
    public void Version_answers_with_input_closed() =>
        Shell("plugin <&-", "VERSION").Stdout.Should().StartWith("""{"cniVersion":"1.1.0","supportedVersions":""");
}
