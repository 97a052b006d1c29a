using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Ports;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>What runtimes sent, sent again to the published plugin: each call is answered as it was then, and nothing is left.</summary>
public sealed class ReplayTests
{
    public static TheoryData<string> Runtimes => [.. RecordedCall.Runtimes];

    [RequiresRootTheory]
    [MemberData(nameof(Runtimes))]
    public void Recorded_calls_are_answered_as_they_were_and_leave_nothing(string runtime)
    {
        using SingleHost single = new();
        HashSet<string> namespaces = [];
        Dictionary<string, JsonNode> interfaces = [];
        foreach (RecordedCall recorded in RecordedCall.Of(runtime))
        {
            RecordedCall call = WithInterfacesOfThisHost(recorded, interfaces);
            string netns = Path.GetFileName(call.Environment.GetValueOrDefault("CNI_NETNS", ""));
            if (netns != "" && call.Command == "ADD" && namespaces.Add(netns))
            {
                single.Host.NewContainer(netns);
            }

            CniAnswer answer = call.Replay(single.Host.Enter, "/opt/cni/bin/twill");
            answer.ExitCode.Should().Be(call.ExitCode, $"{runtime}/{call.Name} answers {answer}");
            if (call.Command is "ADD" && call.ExitCode == 0)
            {
                AssertConnected(single.Host, netns, call.Environment["CNI_IFNAME"], answer);
                if (JsonNode.Parse(answer.Stdout)!["interfaces"] is { } made)
                {
                    interfaces[Attachment(call)] = made;
                }
            }
        }

        string[] networks = ["twill", "second"];
        Leftovers.Links(single.Host).Should().BeEmpty();
        networks.SelectMany(n => Leftovers.Records(single.Host, n)).Should().BeEmpty();
        networks.SelectMany(n => single.Host.Published(n)).Should().BeEmpty();
    }

    /// <summary>A recording has placeholders for the names and hardware addresses of the host that it was made on; CHECK compares
    /// them.</summary>
    private static RecordedCall WithInterfacesOfThisHost(RecordedCall call, Dictionary<string, JsonNode> interfaces)
    {
        if (call.Command != "CHECK" || !interfaces.TryGetValue(Attachment(call), out JsonNode? made))
        {
            return call;
        }

        JsonNode input = JsonNode.Parse(call.Input)!;
        input["prevResult"]!["interfaces"] = made.DeepClone();
        return call with { Input = input.ToJsonString() };
    }

    private static string Attachment(RecordedCall call) =>
        $"{JsonNode.Parse(call.Input)?["name"]} {call.Environment.GetValueOrDefault("CNI_CONTAINERID")} "
        + $"{call.Environment.GetValueOrDefault("CNI_IFNAME")}";

    private static void AssertConnected(LabHost host, string netns, string ifName, CniAnswer answer)
    {
        string address = (string)JsonNode.Parse(answer.Stdout)!["ips"]![0]!["address"]!;
        host.Ip($"-n {netns} -4 address show dev {ifName}").Should().Contain($"inet {address} ");
        host.Run("ip", "netns", "exec", netns, "ping", "-c", "1", "-W", "2", Lab.OutsideAddress).ExitCode.Should().Be(0);
    }
}
