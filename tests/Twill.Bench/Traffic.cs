using System.Globalization;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.Bench;

/// <summary>One way from host to host and what went over it, sample by sample.</summary>
internal sealed record TrafficMeasurement(string Path)
{
    public List<double> OneStream { get; } = [];

    public List<double> EightStreams { get; } = [];

    public List<double> SmallPackets { get; } = [];

    public List<double> RoundTrip { get; } = [];
}

/// <summary>From where to where, and where what is measured is kept.</summary>
internal sealed record TrafficWay(TrafficMeasurement Measured, NetnsShell From, NetnsShell To, string Address);

/// <summary>
/// Container to container across two hosts, beside a VXLAN made by hand with ip(8) between containers of its own, and the hosts themselves.
/// The three take turns.
/// </summary>
internal static class Traffic
{
    private const int Seconds = 2,
        Port = 5201,
        SmallPacket = 64;

    public static List<TrafficMeasurement> Measure(int rounds)
    {
        using Lab lab = Lab.Create();
        lab.StartEtcd();
        LabHost[] hosts = [lab.AddHost("host0"), lab.AddHost("host1")];
        foreach (LabHost host in hosts)
        {
            host.Configure(SampleConf.Cluster(lab.Etcd!.Endpoint));
            host.StartAgent();
        }

        LabContainer[] pods = [hosts[0].AddContainer("c0"), hosts[1].AddContainer("c1")];
        LabContainer[] byHand = [MakeByHand(hosts[0], 0, hosts[1].Address), MakeByHand(hosts[1], 1, hosts[0].Address)];
        Eventually.True("the containers reach each other", () => pods[0].CanPing(pods[1].Address), TimeSpan.FromSeconds(30));
        Eventually.True("those made by hand reach each other", () => byHand[0].CanPing("10.91.1.2"), TimeSpan.FromSeconds(30));

        TrafficWay[] ways =
        [
            new(new("twill, vxlan"), pods[0], pods[1], pods[1].Address),
            new(new("vxlan by hand"), byHand[0], byHand[1], "10.91.1.2"),
            new(new("host to host"), hosts[0], hosts[1], hosts[1].Address),
        ];
        return Measure(ways, rounds);
    }

    /// <summary>The ways take turns; their order changes from round to round.</summary>
    public static List<TrafficMeasurement> Measure(TrafficWay[] ways, int rounds)
    {
        for (int round = 0; round < rounds; round++)
        {
            for (int turn = 0; turn < ways.Length; turn++)
            {
                (TrafficMeasurement to, NetnsShell from, NetnsShell target, string address) = ways[(turn + round) % ways.Length];
                to.OneStream.Add(Iperf(from, target, address, "bits_per_second", "--parallel", "1") / 1e9);
                to.EightStreams.Add(Iperf(from, target, address, "bits_per_second", "--parallel", "8") / 1e9);
                to.SmallPackets.Add(
                    Iperf(from, target, address, "packets", "--udp", "--length", $"{SmallPacket}", "--bitrate", "0") / Seconds / 1e3
                );
                to.RoundTrip.Add(Ping(from, address));
            }
        }

        return [.. ways.Select(w => w.Measured)];
    }

    // What our overlay is, by hand: a bridge, a VXLAN device with a route, a neighbour and an FDB entry to the other host.
    private static LabContainer MakeByHand(LabHost host, int number, string other)
    {
        int peer = 1 - number;
        LabContainer container = host.NewContainer("hand");
        host.Ip("link add hand0 type bridge");
        host.Ip($"address add 10.91.{number}.1/24 dev hand0");
        host.Ip($"link add vx0 address 02:91:00:00:00:0{number} mtu 1450 type vxlan id 91 dstport 4790 local {host.Address} nolearning");
        host.Ip($"link add hand1 mtu 1450 master hand0 up type veth peer name eth0 mtu 1450 netns {container.Name}");
        host.Ip("link set hand0 up");
        host.Ip("link set vx0 up");
        host.Ip($"address add 10.91.{number}.0/32 dev vx0");
        host.Ip($"neighbour add 10.91.{peer}.0 lladdr 02:91:00:00:00:0{peer} dev vx0 nud permanent");
        host.Bridge($"fdb append 02:91:00:00:00:0{peer} dev vx0 dst {other}");
        host.Ip($"route add 10.91.{peer}.0/24 via 10.91.{peer}.0 dev vx0 onlink");
        container.Ip($"address add 10.91.{number}.2/24 dev eth0");
        container.Ip("link set eth0 up");
        container.Ip($"route add default via 10.91.{number}.1");
        return container;
    }

    private static double Iperf(NetnsShell from, NetnsShell to, string address, string figure, params string[] how)
    {
        using TempDir directory = TempDir.Create();
        using Daemon server = Daemon.Start(
            "iperf3",
            [.. to.Enter, "iperf3", "--server", "--one-off", "--port", $"{Port}"],
            directory.At("log")
        );
        Eventually.True(
            "iperf3 listens",
            () => to.Sh("ss -Htln").Contains($":{Port} ", StringComparison.Ordinal),
            onFailure: () => server.Log
        );
        string[] command = ["iperf3", "--client", address, "--port", $"{Port}", "--time", $"{Seconds}", "--json", .. how];
        JsonNode end = JsonNode.Parse(from.RunFor(TimeSpan.FromSeconds(30), command).OrThrow().Stdout)!["end"]!;
        if (figure == "packets") // those that arrived
        {
            return end["sum"]!["packets"]!.GetValue<double>() - end["sum"]!["lost_packets"]!.GetValue<double>();
        }

        return end["sum_received"]![figure]!.GetValue<double>();
    }

    // "rtt min/avg/max/mdev = 0.038/0.045/.. ms": the average.
    private static double Ping(NetnsShell from, string address)
    {
        string last = from.RunFor(TimeSpan.FromSeconds(30), "ping", "-n", "-q", "-i", "0.002", "-c", "500", address)
            .OrThrow()
            .Stdout.Trim()
            .Split('\n')[^1];
        return double.Parse(last.Split('=')[1].Split('/')[1], CultureInfo.InvariantCulture) * 1e3;
    }
}
