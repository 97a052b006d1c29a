namespace Twill.Linux.Netlink;

/// <summary>A netlink datagram is not what it should be: cut short, with impossible lengths, or an answer to nothing that was
/// asked.</summary>
/// <param name="message">What was expected and what was found.</param>
public sealed class NetlinkFormatException(string message) : IOException(message);
