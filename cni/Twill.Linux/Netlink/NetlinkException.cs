using Twill.System;

namespace Twill.Linux.Netlink;

/// <summary>The kernel refused a request.</summary>
/// <param name="operation">What was asked for, e.g. <c>new link tw1a2b</c>.</param>
/// <param name="errno">The kernel's error number.</param>
/// <param name="kernelText">The kernel's own words (extended acknowledgement), when it had any.</param>
public sealed class NetlinkException(string operation, Errno errno, string? kernelText = null)
    : IOException($"{operation}: {ErrnoText.Of(errno)}{(kernelText is null ? "" : " - " + kernelText)}")
{
    /// <summary>What was asked for.</summary>
    public string Operation => operation;

    /// <summary>The kernel's error number.</summary>
    public Errno Errno => errno;

    /// <summary>The kernel's own words, when it had any.</summary>
    public string? KernelText => kernelText;
}
