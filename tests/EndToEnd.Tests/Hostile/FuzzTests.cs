using System.Text;
using System.Text.Json.Nodes;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.EndToEnd.Tests.Hostile;

/// <summary>A hundred damaged calls of each published plugin on a host, from a fixed seed; the thousands are tried in
/// process.</summary>
public sealed class FuzzTests(HostileBench bench, ITestOutputHelper output) : IClassFixture<HostileBench>
{
    private const int Cases = 100,
        LookAfter = 10;

    private static readonly string[] s_verbs = ["ADD", "ADD", "ADD", "DEL", "CHECK", "GC", "STATUS"];

    private static readonly string[] s_values =
    [
        "",
        " ",
        "dummy",
        "..",
        "/",
        "a/b",
        "eth%d",
        "eth1",
        "A=B;C",
        "IP=10.244.0.9",
        "MAC=x;IgnoreUnknown=1",
        "=",
        "\uFFFD",
        "é",
        "\n",
        new string('x', 5000),
    ];

    private static readonly string[] s_names = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"];

    [RequiresRootTheory]
    [InlineData("twill", 31)]
    [InlineData("twill-ipam", 32)]
    public void Damaged_calls_are_answered_and_after_their_DEL_nothing_is_left(string program, int seed)
    {
        Random random = new(seed);
        string untouched = bench.Untouched;
        int succeeded = 0;
        for (int i = 0; i < Cases; i++)
        {
            string verb = s_verbs[random.Next(s_verbs.Length)],
                good = Whole(verb).ToJsonString();
            byte[] config =
                random.Next(5) == 0
                    ? Mutation.OfBytes(random, Encoding.UTF8.GetBytes(good))
                    : Encoding.UTF8.GetBytes(
                        Mutation.OfJson(random, good, "cni.dev/valid-attachments.0.containerID", "cni.dev/valid-attachments.0.ifname")
                    );
            CniProcess plugin = bench.Plugin(program, verb);
            if (random.Next(3) == 0)
            {
                plugin = plugin with
                {
                    Env = new Dictionary<string, string?>
                    {
                        [s_names[random.Next(s_names.Length)]] = s_values[random.Next(s_values.Length)],
                    },
                };
            }

            string because = $"seed {seed}, case {i}: {verb} {string.Join(' ', plugin.Env)} {Encoding.UTF8.GetString(config)}";
            CniAnswer answer = plugin.Run(verb, config);
            HostileBench.Judge(answer, because);
            if (verb == "ADD" && answer.ExitCode == 0)
            {
                plugin.Run("DEL", config).OrThrow();
                succeeded++;
            }

            if (i % LookAfter == LookAfter - 1)
            {
                bench.Traces().Should().Be(untouched, $"{because}: {answer}, or one of the {LookAfter} calls before");
            }
        }

        succeeded.Should().BePositive("else only the parser was tried");
        bench.Base.CanPing("10.244.0.1").Should().BeTrue("the container that lives was not disturbed");
        Figures.Report($"fuzz: published {program}, seed {seed}", $"{Cases:N0} calls, 0 crashes, nothing left", output);
    }

    private JsonObject Whole(string verb)
    {
        JsonObject whole = bench.Config(verb: verb);
        whole["mtu"] = 1400;
        whole["nonMasqueradeCIDRs"] = new JsonArray("10.0.0.0/8");
        whole["runtimeConfig"] = JsonNode.Parse(
            """
            {"portMappings":[{"hostPort":18080,"containerPort":80,"protocol":"tcp"}],
             "bandwidth":{"ingressRate":8000000,"ingressBurst":800000,"egressRate":8000000,"egressBurst":800000}}
            """
        );
        return whole;
    }
}
