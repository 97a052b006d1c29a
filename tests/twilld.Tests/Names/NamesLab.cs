using System.Net;
using Twill.Agent.Names;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent.Tests.Names;

/// <summary>The network "pods" in the zone twill.internal, without sockets.</summary>
internal sealed class NamesLab
{
    private readonly NameAnswers _answers;

    internal NamesLab()
    {
        TwillConf conf = Conf("pods", "10.244.0.0/16", isIsolated: true);
        Names = conf.Names!;
        Table = new NameTable([.. conf.Ipam.Ranges, IPNetwork.Parse("fd00:1::/64")]);
        Directory.Add(conf, Names, Table);
        _answers = new NameAnswers(Names, Directory, Figures);
    }

    internal NameDirectory Directory { get; } = new();

    internal NameFigures Figures { get; } = new();

    internal NamesConf Names { get; }

    internal NameTable Table { get; }

    /// <summary>Where the last answer is.</summary>
    internal byte[] Room { get; } = new byte[DnsMessage.Largest];

    /// <summary>Octets of the last answer.</summary>
    internal int Length { get; private set; }

    internal static NamedAddress Named(string name, string address) =>
        new(name, $"id{address.Replace('.', 'x').Replace(':', 'y')}", IPAddress.Parse(address), []);

    internal static TwillConf Conf(string name, string range, bool isIsolated)
    {
        string json = $$$"""
            {"cniVersion":"1.1.0","name":"{{{name}}}","type":"twill","isolated":{{{(isIsolated ? "true" : "false")}}},
             "names":{"zone":"twill.internal"},"ipam":{"type":"twill-ipam","subnet":"{{{range}}}"}}
            """;
        using var document = global::System.Text.Json.JsonDocument.Parse(json);
        return TwillConf.Parse(new Cni.ConfigReader(document.RootElement.Clone()), BackendTable.All);
    }

    internal NameTable AddNetwork(string name, string range, bool isIsolated)
    {
        TwillConf conf = Conf(name, range, isIsolated);
        NameTable table = new(conf.Ipam.Ranges);
        Directory.Add(conf, conf.Names!, table);
        return table;
    }

    internal NameVerdict Verdict(string name, DnsType type) => Verdict(Packets.Query(name, type));

    internal NameVerdict Verdict(ReadOnlySpan<byte> message, bool overTcp = false, bool mayForward = true)
    {
        NameVerdict verdict = _answers.Answer(message, overTcp, mayForward, overTcp ? Room : Room.AsSpan(0, 4096), out int length, out _);
        Length = length;
        return verdict;
    }

    internal Reply Ask(string name, DnsType type, int? udpSize = null, bool overTcp = false, bool mayForward = true) =>
        Ask(Packets.Query(name, type, udpSize), overTcp, mayForward);

    internal Reply Ask(byte[] query, bool overTcp = false, bool mayForward = true)
    {
        Verdict(query, overTcp, mayForward).Should().Be(NameVerdict.Answer);
        return new Reply(Room.AsSpan(0, Length));
    }
}
