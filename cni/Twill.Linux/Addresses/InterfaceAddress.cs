using System.Net;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;
using Twill.System;

namespace Twill.Linux.Addresses;

/// <summary>An address of an interface as the kernel describes it (RTM_NEWADDR): what <c>ip addr show</c> shows.</summary>
public sealed class InterfaceAddress
{
    /// <summary>Interface index.</summary>
    public required int Index { get; init; }

    /// <summary>The interface's own address.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>Bits of its prefix.</summary>
    public required int PrefixLength { get; init; }

    /// <summary>Where it is valid.</summary>
    public required RouteScope Scope { get; init; }

    /// <summary>IFA_F_*.</summary>
    public required AddressFlags Flags { get; init; }

    /// <summary>The address at the other end of a point-to-point link; null when there is none.</summary>
    public IPAddress? Peer { get; init; }

    /// <summary>Broadcast address; null for none.</summary>
    public IPAddress? Broadcast { get; init; }

    /// <summary>Label (IPv4); null for none.</summary>
    public string? Label { get; init; }

    /// <summary>The prefix that the address is in.</summary>
    public IPNetwork Network => IPPrefix.Of(Address, PrefixLength);

    /// <summary><c>10.244.7.1/24</c>.</summary>
    public override string ToString() => $"{Address}/{PrefixLength}";

    /// <summary>Reads RTM_NEWADDR (or RTM_DELADDR). Attributes that are not known are skipped.</summary>
    /// <returns>Null for any other message.</returns>
    /// <exception cref="NetlinkFormatException">The message is malformed or has no address.</exception>
    public static InterfaceAddress? Decode(in NetlinkMessage message)
    {
        if (message.Type is not (RTM.NEWADDR or RTM.DELADDR))
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        IfAddrMsg header = reader.Header<IfAddrMsg>();
        uint flags = header.Flags;
        IPAddress? local = null,
            address = null,
            broadcast = null;
        string? label = null;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((IFA)a.Type)
            {
                case IFA.LOCAL:
                    local = a.Address();
                    break;
                case IFA.ADDRESS:
                    address = a.Address();
                    break;
                case IFA.BROADCAST:
                    broadcast = a.Address();
                    break;
                case IFA.LABEL:
                    label = a.Text();
                    break;
                case IFA.FLAGS:
                    flags = a.U32();
                    break;
            }
        }
        // IFA_ADDRESS is the prefix's address: the own one (IPv6 has only this), or the peer's when IFA_LOCAL differs from it.
        IPAddress own = local ?? address ?? throw new NetlinkFormatException("RTM_NEWADDR without IFA_ADDRESS and IFA_LOCAL.");
        Prefixes.Check(own, header.PrefixLength);
        return new InterfaceAddress
        {
            Index = (int)header.Index,
            Address = own,
            PrefixLength = header.PrefixLength,
            Scope = (RouteScope)header.Scope,
            Flags = (AddressFlags)flags,
            Peer = local is not null && address is not null && !local.Equals(address) ? address : null,
            Broadcast = broadcast,
            Label = label,
        };
    }
}
