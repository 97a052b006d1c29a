using Twill.Linux.Netlink;

namespace Twill.Linux.Tests;

internal static class Decoded
{
    /// <summary>What a decoder makes of the messages of a datagram.</summary>
    internal static List<T> All<T>(ReadOnlySpan<byte> datagram, NetlinkDecoder<T> decode)
        where T : class
    {
        List<T> items = [];
        NetlinkMessages messages = new(datagram);
        while (messages.TryRead(out NetlinkMessage message))
        {
            if (decode(in message) is { } item)
            {
                items.Add(item);
            }
        }
        return items;
    }
}
