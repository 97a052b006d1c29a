using System.Text.Json;
using Twill.Cni;
using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Agent.Tests;

/// <summary>The network "pods", 10.244.0.0/16 over VXLAN, parsed as from a file.</summary>
internal static class TestNetwork
{
    internal static TwillConf Conf { get; } =
        Parse("""{"type":"twill-ipam","network":"10.244.0.0/16","etcd":{"endpoints":["http://127.0.0.1:2379"]}}""");

    /// <summary>The same with one subnet of its own, and without etcd.</summary>
    internal static TwillConf WithoutEtcd { get; } = Parse("""{"type":"twill-ipam","subnet":"10.244.1.0/24"}""");

    private static TwillConf Parse(string ipam) =>
        TwillConf.Parse(
            new ConfigReader(
                JsonSerializer.Deserialize<JsonElement>(
                    $$"""{"cniVersion":"1.0.0","name":"pods","type":"twill","bridge":"twill0","ipam":{{ipam}}}"""
                )
            ),
            BackendTable.All
        );
}
