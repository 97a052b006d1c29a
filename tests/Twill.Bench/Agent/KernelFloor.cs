using System.Diagnostics;
using Twill.Testing;

namespace Twill.Bench.Agent;

/// <summary>The same entries written by `bridge -batch` and `ip -batch`, one message a call, with nexthop objects as the agent makes
/// them: less than that no agent can take, unless it sends several.</summary>
internal static class KernelFloor
{
    public static double Measure(LabHost host, int hosts, string directory)
    {
        host.Ip("link add twill.1 type vxlan id 1 dstport 4789 local 192.168.50.1 nolearning");
        host.Ip("link set twill.1 up");
        string fdb = Path.Combine(directory, "fdb"),
            ip = Path.Combine(directory, "ip");
        IEnumerable<int> all = Enumerable.Range(0, hosts);
        File.WriteAllLines(fdb, all.Select(h => $"fdb add {ManyHosts.Mac(h)} dev twill.1 dst {ManyHosts.PublicIP(h)} self permanent"));
        File.WriteAllLines(
            ip,
            [
                .. all.Select(h => $"neigh add {ManyHosts.Subnet(h).BaseAddress} lladdr {ManyHosts.Mac(h)} dev twill.1 nud permanent"),
                .. all.Select(h => $"nexthop add id {1 + h} via {ManyHosts.Subnet(h).BaseAddress} dev twill.1 onlink"),
                .. all.Select(h => $"route add {ManyHosts.Subnet(h)} nhid {1 + h}"),
            ]
        );
        long began = Stopwatch.GetTimestamp();
        host.RunFor(TimeSpan.FromMinutes(2), "sh", "-c", $"bridge -batch {fdb} && ip -batch {ip}").OrThrow();
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }
}
