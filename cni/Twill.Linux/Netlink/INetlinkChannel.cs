using Microsoft.Win32.SafeHandles;

namespace Twill.Linux.Netlink;

/// <summary>Datagrams to the kernel and back. Everything above it can be tested without a kernel; nothing below it needs to be.</summary>
public interface INetlinkChannel : IDisposable
{
    /// <summary>The channel's address (nl_pid), which notifications of what it caused carry. 0 before the first
    /// <see cref="Send"/>.</summary>
    uint PortId { get; }

    /// <summary>The descriptor; null for a channel without one.</summary>
    SafeFileHandle? Handle => null;

    /// <summary>Sends one datagram, which may hold several messages.</summary>
    void Send(ReadOnlySpan<byte> datagram);

    /// <summary>Receives one datagram from the kernel; waits for it when none is there.</summary>
    /// <returns>Its length in bytes.</returns>
    /// <exception cref="NetlinkException">ETIMEDOUT: nothing came; ENOBUFS: the kernel had to drop something; EMSGSIZE: it did not
    /// fit.</exception>
    int Receive(Span<byte> buffer);

    /// <summary>Gets the channel ready for lists: strict checking, so that the kernel filters, and a large receive buffer. Once is
    /// enough.</summary>
    void PrepareForDumps();
}
