using System.Runtime.InteropServices;
using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Linux.Conntrack;

/// <summary>
/// The kernel's table of connections over NETLINK_NETFILTER (ctnetlink), of the network namespace in which it was opened. An entry
/// decides where all further packets of its connection go, whatever the rules say by then.
/// </summary>
public sealed class ConntrackSocket : IDisposable
{
    private readonly NetlinkSocket _netlink;

    internal ConntrackSocket(INetlinkChannel channel) => _netlink = new NetlinkSocket(channel, Describe);

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <exception cref="LibcException">The kernel has no netfilter netlink (CONFIG_NETFILTER_NETLINK), or descriptors ran out.</exception>
    public static ConntrackSocket Open() => new(KernelChannel.Open(NetlinkFamily.Netfilter));

    /// <summary>The connections that the filter lets through. The kernel goes through its whole table for them.</summary>
    public List<Flow> List(FlowFilter filter) =>
        _netlink.Dump(new ListFlows(filter), (in NetlinkMessage message) =>
            Flow.Decode(in message) is { } flow && filter.Matches(flow) ? flow : null
        );

    /// <summary>Forgets a connection: its next packet is the first of a new one.</summary>
    /// <returns>False when it had ended.</returns>
    public bool Delete(Flow flow) => _netlink.TryExecute(new DeleteFlow(flow), Errno.ENOENT);

    /// <inheritdoc/>
    public void Dispose() => _netlink.Dispose();

    private static string Describe(ReadOnlySpan<byte> message) =>
        (IPCTNL_MSG)MemoryMarshal.Read<ushort>(message[4..]) switch
        {
            IPCTNL_MSG.CT_GET => "list connections",
            IPCTNL_MSG.CT_DELETE => "delete connection",
            _ => "conntrack request",
        };
}
