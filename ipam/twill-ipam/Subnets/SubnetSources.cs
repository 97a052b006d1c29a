using Twill.Network.Configuration;

namespace Twill.Ipam.Subnets;

/// <summary>Which source a configuration asks for.</summary>
internal static class SubnetSources
{
    public static ISubnetSource For(TwillConf conf, IpamHost host) =>
        conf.Ipam.Etcd is null ? new FixedSubnets(conf.Ipam) : new LeasedSubnets(conf, host);
}
