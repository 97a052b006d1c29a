using System.Net;

namespace Twill.Testing;

/// <summary>Hosts that exist in etcd only.</summary>
public static class ManyHosts
{
    public const string Network = "10.0.0.0/8",
        Prefix = "/twill/twill/subnets/";

    public static IPNetwork Subnet(int host) => new(new IPAddress([10, (byte)(1 + host / 250), (byte)(host % 250), 0]), 24);

    public static string Key(int host) => $"{Prefix}{Subnet(host).BaseAddress}-24";

    public static string PublicIP(int host) => $"172.16.{host / 250}.{1 + host % 250}";

    public static string Mac(int host) => $"02:cc:00:00:{host / 250:x2}:{host % 250:x2}";

    /// <summary>A lease in flannel's words.</summary>
    public static string Lease(int host) =>
        $$$"""{"PublicIP":"{{{PublicIP(host)}}}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"{{{Mac(host)}}}"}}""";
}
