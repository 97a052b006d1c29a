using System.Net;
using Twill.Linux.Conntrack;
using Twill.Linux.Netlink;

namespace Twill.Linux.Tests.Conntrack;

/// <summary>Connections out of the kernel's messages, whole ones and broken ones.</summary>
public sealed class FlowDecodingTests
{
    // udp, 192.0.2.2:40000 to 192.0.2.1:53, answered by 10.244.7.2:5353; id 0x12345678, zone 7
    private static readonly byte[] s_payload = Convert.FromHexString(
        string.Concat(
            "02000000", // struct nfgenmsg
            "34000180", // CTA_TUPLE_ORIG
            "14000180",
            "08000100c0000202",
            "08000200c0000201", // CTA_TUPLE_IP
            "1c000280",
            "0500010011000000",
            "060002009c400000",
            "0600030000350000", // CTA_TUPLE_PROTO
            "34000280", // CTA_TUPLE_REPLY
            "14000180",
            "080001000af40702",
            "08000200c0000202",
            "1c000280",
            "0500010011000000",
            "0600020014e90000",
            "060003009c400000",
            "08000c0012345678",
            "0600120000070000", // CTA_ID, CTA_ZONE
            "0800030000000188"
        )
    ); // CTA_STATUS: of no interest

    [Fact]
    public void Both_directions_are_read() =>
        Decode(s_payload)
            .Should()
            .Be(
                new Flow(
                    new FlowTuple(IPAddress.Parse("192.0.2.2"), IPAddress.Parse("192.0.2.1"), 17, 40000, 53),
                    new FlowTuple(IPAddress.Parse("10.244.7.2"), IPAddress.Parse("192.0.2.2"), 17, 5353, 40000),
                    0x12345678,
                    7
                )
            );

    [Fact]
    public void Cut_anywhere_a_message_is_refused_or_read_as_far_as_it_goes()
    {
        for (int length = 0; length < s_payload.Length; length++)
        {
            Action decode = () => Decode(s_payload[..length]);
            try
            {
                decode();
            }
            catch (NetlinkFormatException)
            {
                // Said to be malformed: what a reader should say.
            }
        }
    }

    [Fact]
    public void Any_byte_changed_is_no_crash()
    {
        for (int at = 0; at < s_payload.Length; at++)
        {
            foreach (byte value in new byte[] { 0, 1, 0x7f, 0xff })
            {
                byte[] changed = [.. s_payload];
                changed[at] = value;
                try
                {
                    Decode(changed);
                }
                catch (NetlinkFormatException)
                {
                    // Said to be malformed: what a reader should say.
                }
            }
        }
    }

    [Theory]
    [InlineData(17, 53, "10.244.7.2", 5353, true)]
    [InlineData(6, 53, "10.244.7.2", 5353, false)]
    [InlineData(17, 54, "10.244.7.2", 5353, false)]
    [InlineData(17, 53, "10.244.7.3", 5353, false)]
    [InlineData(17, 53, "10.244.7.2", 53, false)]
    public void A_filter_lets_through_what_matches_in_every_part(byte protocol, int port, string reached, int reachedPort, bool matches) =>
        new FlowFilter(protocol, (ushort)port, IPAddress.Parse(reached), (ushort)reachedPort)
            .Matches(Decode(s_payload)!)
            .Should()
            .Be(matches);

    private static Flow? Decode(byte[] payload) =>
        Flow.Decode(new NetlinkMessage((ushort)IPCTNL_MSG.CT_NEW, NetlinkFlags.None, 1, 0, payload));
}
