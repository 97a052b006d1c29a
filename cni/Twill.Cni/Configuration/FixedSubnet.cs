using System.Net;
using System.Net.Sockets;

namespace Twill.Cni.Configuration;

/// <summary>The part of <c>ipam</c> for one host alone: <c>subnet</c>, <c>rangeStart</c>, <c>rangeEnd</c>, <c>gateway</c> as in host-local.</summary>
internal static class FixedSubnet
{
    internal static IpamConf Read(IpamConf conf, ConfigReader section)
    {
        foreach (string key in (ReadOnlySpan<string>)["network", "subnetLen", "subnetMin", "subnetMax", "leaseTtl"])
        {
            if (section[key].Exists)
                section[key].ComplainText("belongs to leases from etcd, but ipam has a fixed subnet");
        }
        ConfigReader at = section["subnet"];
        if (at.OptionalNetwork(AddressFamily.InterNetwork) is not IPNetwork subnet)
            return conf;
        if (subnet.PrefixLength > 30)
            at.Complain("an IPv4 prefix of at most 30 bits", false);
        if (IpamConf.UnusableFault(subnet) is string fault)
            at.Complain(fault, false);

        IPAddress? start = Host(section["rangeStart"], subnet), end = Host(section["rangeEnd"], subnet), gateway = Host(section["gateway"], subnet);
        if (start is not null && end is not null && IpText.ToNumber(start) > IpText.ToNumber(end))
            section["rangeEnd"].Complain($"an address not below rangeStart {start}", false);
        IPAddress router = gateway ?? IpText.FromNumber(IpText.ToNumber(subnet.BaseAddress) + 1);
        if (start is not null && end is not null && start.Equals(end) && start.Equals(router))
            section["rangeEnd"].ComplainText($"the range holds only the gateway's address {router}");
        return conf with { Subnet = subnet, RangeStart = start, RangeEnd = end, Gateway = gateway };
    }

    /// <summary>An address a container or gateway can have: in the subnet, neither its first (network) nor its last (broadcast).</summary>
    private static IPAddress? Host(ConfigReader at, IPNetwork subnet)
    {
        if (at.OptionalAddress(AddressFamily.InterNetwork) is not IPAddress address)
            return null;
        uint first = IpText.ToNumber(subnet.BaseAddress), last = first | (uint)(0xFFFF_FFFFUL >> subnet.PrefixLength);
        uint number = IpText.ToNumber(address);
        return number > first && number < last ? address : at.Complain($"an address of a host in {subnet}", (IPAddress?)null);
    }
}
