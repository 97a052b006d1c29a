using System.Net;
using System.Net.Sockets;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;

namespace Twill.Linux.Conntrack;

/// <summary>Which connections of one family: of this protocol and, as far as given, to this port, or really reaching this address and
/// port.</summary>
/// <param name="Protocol">IP protocol number, of one that has ports.</param>
/// <param name="OriginalPort">Destination port of the first packet, before any translation.</param>
/// <param name="Reached">Source address of the answers.</param>
/// <param name="ReachedPort">Source port of the answers.</param>
public readonly record struct FlowFilter(byte Protocol, ushort? OriginalPort = null, IPAddress? Reached = null, ushort? ReachedPort = null)
{
    /// <summary>AF_INET6; anything else is AF_INET.</summary>
    public AddressFamily Family { get; init; }

    internal bool IsIPv6 => Family == AddressFamily.InterNetworkV6;

    /// <summary>Whether a connection is one of those.</summary>
    public bool Matches(Flow flow) =>
        flow.Original.Protocol == Protocol
        && IsIPv6 == (flow.Original.Source.AddressFamily == AddressFamily.InterNetworkV6)
        && (OriginalPort is null || flow.Original.DestinationPort == OriginalPort)
        && (Reached is null || flow.Reply.Source.Equals(Reached))
        && (ReachedPort is null || flow.Reply.SourcePort == ReachedPort);
}

/// <summary><c>conntrack -L -f ipv4|ipv6 -p PROTOCOL [--orig-port-dst PORT] [--reply-src ADDRESS] [--reply-port-src PORT]</c>, with
/// NLM_F_DUMP. Kernels before Linux 5.8 do not know the filter and list everything.</summary>
internal readonly record struct ListFlows(FlowFilter Filter) : INetlinkRequest
{
    public static ushort Type => (ushort)IPCTNL_MSG.CT_GET;

    public NetlinkFlags Flags => NetlinkFlags.None;

    public string ToCommand(CommandNames names) =>
        new CommandText("conntrack -L")
            .Add("-f", Filter.IsIPv6 ? "ipv6" : "ipv4")
            .AddNumber("-p", Filter.Protocol)
            .Add("--orig-port-dst", Filter.OriginalPort)
            .Add("--reply-src", Filter.Reached)
            .Add("--reply-port-src", Filter.ReachedPort)
            .ToString();

    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Filter.IsIPv6 ? NftFamily.Ip6 : NftFamily.Ip));
        FilterFlags original = WriteOriginal(ref w),
            reply = WriteReply(ref w);
        Nest filter = w.Begin(CTA.FILTER);
        w.Put(CTA_FILTER.ORIG_FLAGS, (uint)original);
        w.Put(CTA_FILTER.REPLY_FLAGS, (uint)reply);
        w.End(filter);
    }

    private FilterFlags WriteOriginal(ref NetlinkWriter w)
    {
        FilterFlags flags = FilterFlags.ProtoNum;
        Nest tuple = w.Begin(CTA.TUPLE_ORIG);
        Nest proto = w.Begin(CTA_TUPLE.PROTO);
        w.Put(CTA_PROTO.NUM, Filter.Protocol);
        if (Filter.OriginalPort is { } port)
        {
            w.PutBe16(CTA_PROTO.DST_PORT, port);
            flags |= FilterFlags.ProtoDestinationPort;
        }
        w.End(proto);
        w.End(tuple);
        return flags;
    }

    private FilterFlags WriteReply(ref NetlinkWriter w)
    {
        FilterFlags flags = 0;
        Nest tuple = w.Begin(CTA.TUPLE_REPLY);
        // Of IPv6 the kernel lists all connections but those with the address (ctnetlink_filter_match_tuple takes ipv6_addr_cmp's 0 for
        // "differs").
        if (Filter is { Reached: { } reached, IsIPv6: false })
        {
            Nest ip = w.Begin(CTA_TUPLE.IP);
            w.Put(CTA_IP.V4_SRC, reached);
            w.End(ip);
            flags |= FilterFlags.IpSource;
        }
        if (Filter.ReachedPort is { } port)
        {
            Nest proto = w.Begin(CTA_TUPLE.PROTO);
            w.Put(CTA_PROTO.NUM, Filter.Protocol);
            w.PutBe16(CTA_PROTO.SRC_PORT, port);
            w.End(proto);
            flags |= FilterFlags.ProtoNum | FilterFlags.ProtoSourcePort;
        }
        w.End(tuple);
        return flags;
    }
}

/// <summary><c>conntrack -D</c> of this one connection. ENOENT when it has ended.</summary>
internal readonly record struct DeleteFlow(Flow Flow) : INetlinkRequest
{
    public static ushort Type => (ushort)IPCTNL_MSG.CT_DELETE;

    public NetlinkFlags Flags => NetlinkFlags.None;

    public string ToCommand(CommandNames names) =>
        new CommandText("conntrack -D")
            .Add("-f", Flow.Original.Source.AddressFamily == AddressFamily.InterNetwork ? "ipv4" : "ipv6")
            .AddNumber("-p", Flow.Original.Protocol)
            .Add("--orig-src", Flow.Original.Source)
            .Add("--orig-dst", Flow.Original.Destination)
            .AddNumber("--orig-port-src", Flow.Original.SourcePort)
            .AddNumber("--orig-port-dst", Flow.Original.DestinationPort)
            .Add("-w", Flow.Zone)
            .ToString();

    public void Write(ref NetlinkWriter w)
    {
        FlowTuple original = Flow.Original;
        bool v4 = original.Source.AddressFamily == AddressFamily.InterNetwork;
        w.Header(new NfGenMsg(v4 ? NftFamily.Ip : NftFamily.Ip6));
        Nest tuple = w.Begin(CTA.TUPLE_ORIG);
        {
            Nest ip = w.Begin(CTA_TUPLE.IP);
            w.Put(v4 ? CTA_IP.V4_SRC : CTA_IP.V6_SRC, original.Source);
            w.Put(v4 ? CTA_IP.V4_DST : CTA_IP.V6_DST, original.Destination);
            w.End(ip);
            Nest proto = w.Begin(CTA_TUPLE.PROTO);
            w.Put(CTA_PROTO.NUM, original.Protocol);
            w.PutBe16(CTA_PROTO.SRC_PORT, original.SourcePort);
            w.PutBe16(CTA_PROTO.DST_PORT, original.DestinationPort);
            w.End(proto);
        }
        w.End(tuple);
        if (Flow.Zone != 0)
        {
            w.PutBe16(CTA.ZONE, Flow.Zone);
        }

        w.PutBe32(CTA.ID, Flow.Id);
    }
}
