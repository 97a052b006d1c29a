using Twill.Cni;
using Twill.System;

namespace Twill.Plugin.Tests;

public sealed class ErrorMappingTests
{
    [Fact]
    public void What_the_kernel_refuses_is_its_failure()
    {
        CniException told = ErrorMapping.Translate(new LibcException("setns(CLONE_NEWNET)", Errno.EPERM))!;

        told.Code.Should().Be(CniErrorCode.Kernel);
        told.Message.Should().Be("setns(CLONE_NEWNET): Operation not permitted (errno 1)");
    }

    [Theory]
    [InlineData("/proc/sys/net/ipv4/ip_forward")]
    [InlineData("/sys/class/net/eth0/mtu")]
    public void A_file_of_the_kernel_is_the_kernel(string path) =>
        ErrorMapping.Translate(new LibcException("open", path, Errno.EROFS))!.Code.Should().Be(CniErrorCode.Kernel);

    [Theory]
    [InlineData("/run/twill/net/node.json")]
    [InlineData("standard input")]
    public void A_file_or_a_stream_is_left_to_the_dispatcher_which_calls_it_input_and_output(string path) =>
        ErrorMapping.Translate(new LibcException("open", path, Errno.EROFS)).Should().BeNull();

    [Fact]
    public void A_file_that_fails_an_attachment_is_input_and_output_whatever_was_taken_back()
    {
        LibcException full = new("open", "/run/twill/net/ports/eth0", Errno.EMFILE);

        foreach (List<string> leftovers in (List<string>[])[[], ["the host end stays"]])
        {
            CniException told = ErrorMapping.WithLeftovers(full, leftovers);
            told.Code.Should().Be(CniErrorCode.IoFailure);
            told.Text.Should().Contain("/run/twill/net/ports/eth0").And.Contain("Too many open files");
        }
    }
}
