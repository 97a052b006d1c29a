using System.Text;
using System.Text.Json;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.Cni.Tests;

/// <summary>
/// Thousands of damaged calls from a fixed seed. Whatever comes in: one JSON document (or none, on success) goes out, an error has a code
/// of the specification or one of ours, and nothing is thrown.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int Cases = 3000;

    private const string Good = """
        {"cniVersion":"1.1.0","name":"net","type":"twill","bridge":"twill0","mtu":1450,"ipMasq":true,"nonMasqueradeCIDRs":["10.0.0.0/8"],
         "backend":{"type":"vxlan","vni":1,"port":4789,"directRouting":false,"interface":""},"runtimeConfig":{"ips":["10.244.1.5/24"]},
         "ipam":{"type":"twill-ipam","network":"10.244.0.0/16","subnetLen":24,"subnetMin":"10.244.1.0","leaseTtl":86400,
            "etcd":{"endpoints":["https://127.0.0.1:2379"],"prefix":"/twill/net","caFile":"/ca","username":"u","passwordFile":"/p"},
            "routes":[{"dst":"0.0.0.0/0","gw":"10.244.1.1","mtu":1400}],"dns":{"nameservers":["10.0.0.53"],"search":["x"]}},
         "prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","mac":"02:00:00:00:00:01","sandbox":"/run/netns/c1"}],
            "ips":[{"address":"10.244.1.5/24","gateway":"10.244.1.1","interface":0}],"routes":[{"dst":"0.0.0.0/0"}],"dns":{}},
         "cni.dev/valid-attachments":[{"containerID":"a","ifname":"eth0"}]}
        """;

    private static readonly HashSet<uint> Codes = [.. Enum.GetValues<CniErrorCode>().Select(c => (uint)c)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Bytes_flipped_cut_and_doubled(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < Cases; i++)
        {
            Call(Mutation.OfBytes(random, Encoding.UTF8.GetBytes(Good)), Calls.Environment(AnyVerb(random)), $"seed {seed}, case {i}");
        }

        Report("bytes of standard input", seed);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Values_of_the_wrong_kind_at_every_place(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < Cases; i++)
        {
            string json = Mutation.OfJson(random, Good);
            Call(Encoding.UTF8.GetBytes(json), Calls.Environment(AnyVerb(random)), $"seed {seed}, case {i}: {json}");
        }
        Report("values of standard input", seed);
    }

    [Fact]
    public void Environments_of_every_colour()
    {
        var random = new Random(5);
        string[] names = ["CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"];
        string[] values =
        [
            "",
            " ",
            "dummy",
            "..",
            "/",
            "a/b",
            "eth%d",
            "A=B;C",
            "=",
            ";;",
            "K=V;K=W",
            "\uFFFD",
            new string('x', 5000),
            "ADD",
            "add",
            "\n",
            "é",
        ];
        for (int i = 0; i < Cases; i++)
        {
            (string, string)[] environment = Calls.Environment(AnyVerb(random));
            for (int changes = random.Next(0, 4); changes > 0; changes--)
            {
                environment = environment.With(
                    names[random.Next(names.Length)],
                    random.Next(4) == 0 ? null : values[random.Next(values.Length)]
                );
            }

            Call(Encoding.UTF8.GetBytes(Good), environment, $"case {i}");
        }
        Report("environment", 5);
    }

    [Fact]
    public void Del_reads_any_damaged_configuration_without_throwing()
    {
        var random = new Random(6);
        for (int i = 0; i < Cases; i++)
        {
            string json = Mutation.OfJson(random, Good);
            if (!CniJson.TryParse(Encoding.UTF8.GetBytes(json), out JsonElement root, out _))
            {
                continue;
            }

            FluentActions.Invoking(() => TwillConf.Parse(new ConfigReader(root).Lenient([]), BackendTable.All)).Should().NotThrow(json);
        }
        Report("DEL's reading of configurations", 6);
    }

    private static void Call(byte[] stdin, (string, string)[] environment, string because)
    {
        var process = new FakeCniProcess(stdin, environment);
        CniVerbTable verbs = Calls.AllVerbs(request =>
        {
            if (request.Verb == CniVerb.Del)
            {
                _ = TwillConf.Parse(request.Reader.Lenient([]), BackendTable.All);
            }
            else
            {
                _ = TwillConf.Parse(request.Reader, BackendTable.All);
            }
        });

        int exitCode = CniPlugin.Run(verbs, process);

        process.Writes.Should().BeLessThanOrEqualTo(1, because);
        string stdout = process.Stdout;
        if (exitCode == 0)
        {
            if (stdout.Length > 0)
            {
                JsonDocument.Parse(stdout).RootElement.GetProperty("cniVersion").GetString().Should().NotBeNullOrEmpty(because);
            }

            return;
        }
        exitCode.Should().Be(1, because);
        JsonElement error = JsonDocument.Parse(stdout).RootElement;
        uint code = error.Code();
        Codes.Should().Contain(code, because);
        code.Should().NotBe((uint)CniErrorCode.Internal, $"{because}: {stdout}");
        error.Msg().Should().NotBeNullOrWhiteSpace(because);
        stdout.Should().NotContain("   at Twill", because);
    }

    private void Report(string what, int seed) => Figures.Report($"fuzz: {what}, seed {seed}", $"{Cases:N0} cases, 0 crashes", output);

    private static string AnyVerb(Random random) => ((CniVerb)random.Next(6)).Name();
}
