using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.Bench;

/// <summary>
/// What a container cannot do, on as by default and off: what that costs a call, and what it costs the packets. Each way of traffic has two
/// hosts of its own, so that no rule of one is on the other's path.
/// </summary>
internal static class Protection
{
    private static readonly (string Name, string[] Off)[] s_settings =
    [
        ("all on", []),
        ("antiSpoof off", ["antiSpoof"]),
        ("isolated off", ["isolated"]),
        ("both off", ["antiSpoof", "isolated"]),
    ];

    public static Chain[] Chains(string bin) =>
        [
            Chain.Twill(bin),
            .. s_settings.Skip(1).Select(s => Chain.TwillWith(bin, s.Name, string.Join(',', s.Off.Select(key => $"\"{key}\":false")))),
        ];

    public static List<TrafficMeasurement> MeasureTraffic(int rounds)
    {
        using Lab lab = Lab.Create();
        lab.StartEtcd();
        TrafficWay[] ways = [.. s_settings.Select((s, i) => Way(lab, s.Name, s.Off, i))];
        return Traffic.Measure(ways, rounds);
    }

    private static TrafficWay Way(Lab lab, string name, string[] off, int number)
    {
        JsonObject conf = SampleConf.Cluster(lab.Etcd!.Endpoint);
        conf.Ipam()["etcd"]!["prefix"] = $"/twill/protection{number}";
        foreach (string key in off)
        {
            conf.Plugin()[key] = false;
        }

        LabContainer[] pods = new LabContainer[2];
        for (int i = 0; i < pods.Length; i++)
        {
            LabHost host = lab.AddHost($"host{number}{i}");
            host.Configure(conf);
            host.StartAgent();
            pods[i] = host.AddContainer($"c{number}{i}");
        }

        Eventually.True($"the containers reach each other, {name}", () => pods[0].CanPing(pods[1].Address), TimeSpan.FromSeconds(30));
        return new(new(name), pods[0], pods[1], pods[1].Address);
    }
}
