using System.Net;
using System.Text;
using System.Text.Json;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.Ipam.Tests.Fuzz;

/// <summary>
/// Thousands of damaged calls and damaged files from a fixed seed, on the real verbs in this process. Whatever they meet: an answer
/// in the specification's form with a code that is documented (never 999, a defect), in good time, and nobody else's file or address
/// touched.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output) : IDisposable
{
    private const int Calls = 2500,
        Files = 1000;

    private static readonly string[] s_verbs = ["ADD", "DEL", "CHECK", "GC", "STATUS"];

    private static readonly HashSet<int> s_codes = [1, 2, 3, 4, 5, 6, 7, 11, 50, 101, 103, 104];

    private readonly IpamBench _bench = new();

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void Calls_with_a_damaged_configuration_and_environment(int seed)
    {
        Random random = new(seed);
        string good = _bench.Fixed(
            ipam: ""","routes":[{"dst":"0.0.0.0/0"}],"rangeStart":"10.1.2.10","rangeEnd":"10.1.2.200","gateway":"10.1.2.1","ipv6Subnet":"fd00:1::/64","ipv6RangeStart":"fd00:1::10","ipv6RangeEnd":"fd00:1::ffff","ipv6Gateway":"fd00:1::1","dns":{"nameservers":["10.0.0.53"],"search":["x"]}""",
            top: ""","runtimeConfig":{"ips":["10.1.2.50/24","fd00:1::50"],"ipRanges":[[{"subnet":"10.1.2.0/24","rangeStart":"10.1.2.40"}],[{"subnet":"fd00:1::/64","rangeEnd":"fd00:1::99"}]]},"args":{"cni":{"ips":["10.1.2.50"]}},"cni.dev/valid-attachments":[{"containerID":"lives","ifname":"eth0"}],"prevResult":{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.10/24"}]}"""
        );
        string lives = _bench.Add(_bench.Fixed(), "lives");
        for (int i = 0; i < Calls; i++)
        {
            string config = Mutation.OfJson(
                random,
                good,
                "ipam.dataDir",
                "cni.dev/valid-attachments.0.containerID",
                "cni.dev/valid-attachments.0.ifname"
            );
            string verb = s_verbs[random.Next(s_verbs.Length)],
                because = $"seed {seed}, case {i}: {verb} {config}";
            CniAnswer answer = _bench.Run(
                verb,
                config,
                $"c{random.Next(8)}",
                args: random.Next(4) == 0 ? "IP=10.1.2.60,fd00:1::60;x=y" : ""
            );
            Judge(answer, because);
            _bench.Add(_bench.Fixed(), "asks").Should().NotBe(lives, because);
            _bench.Run("DEL", _bench.Fixed(), "asks").OrThrow();
        }

        _bench.Recorded.Should().Contain(lives.Split('/')[0], "no damaged call took the address of one that lives");
        Figures.Report($"fuzz: twill-ipam's verbs, seed {seed}", $"{Calls:N0} calls, 0 crashes", output);
    }

    /// <summary>Everything that twill-ipam reads or writes, damaged or replaced by something that is no file.</summary>
    [Theory]
    [InlineData(13)]
    public void Damaged_files_in_the_state_directories(int seed)
    {
        Random random = new(seed);
        string victim = _bench.Write("victim/precious", "precious");
        string[] kinds = [.. Enum.GetNames<Damage>()];
        for (int i = 0; i < Files; i++)
        {
            using IpamBench bench = new();
            bool dual = random.Next(2) == 0,
                isFixed = random.Next(2) == 0;
            string config = isFixed
                ? bench.Fixed(ipam: dual ? ""","ipv6Subnet":"fd00:1::/64" """ : "")
                : bench.Leased("http://127.0.0.1:1", network: "10.9.0.0/16", ipam: dual ? ""","ipv6Network":"fd00:9::/48" """ : "");
            WriteLease(bench, dual);
            string six =
                !dual ? ""
                : isFixed ? """,{"address":"fd00:1::2/64"}"""
                : """,{"address":"fd00:9:0:4::2/64"}""";
            string address = bench.Add(config, "lives").Split('/')[0];
            string[] files =
            [
                .. bench.AllFiles.Select(f => Path.Combine(bench.Records, f)),
                Path.Combine(bench.Records, "new"),
                Path.Combine(bench.Records, "last"),
                Path.Combine(bench.DataDir, "node-id"),
                Path.Combine(bench.Records, "vtep-mac"),
                Path.Combine(bench.Records, "10.1.2.3"),
                Path.Combine(bench.Records, "attachments", "c2:eth0"),
                bench.NetworkStateDir.SubnetPath,
                bench.NetworkStateDir.NodePath,
                bench.NetworkStateDir.AgentPath,
                bench.NetworkStateDir.LockPath,
            ];
            string file = files[random.Next(files.Length)];
            Damage damage = (Damage)random.Next(kinds.Length);
            string because = $"seed {seed}, case {i}: {damage} at {file}";
            DamageFile(random, file, damage, victim);

            foreach (
                (string verb, string container) in ((string, string)[])
                    [("STATUS", "c2"), ("ADD", "c2"), ("CHECK", "lives"), ("DEL", "c2"), ("GC", "c2"), ("DEL", "lives")]
            )
            {
                string call = verb switch
                {
                    "GC" => config.Replace(
                        "\"name\"",
                        """ "cni.dev/valid-attachments":[{"containerID":"lives","ifname":"eth0"}],"name" """,
                        StringComparison.Ordinal
                    ),
                    "CHECK" => config.Replace(
                        "\"name\"",
                        $$""" "prevResult":{"cniVersion":"1.1.0","ips":[{"address":"{{address}}/24"}{{six}}]},"name" """,
                        StringComparison.Ordinal
                    ),
                    _ => config,
                };
                CniAnswer answer = bench.Run(verb, call, container);
                Judge(answer, $"{because}: {verb}: {answer}");
                if (verb == "ADD" && answer.ExitCode == 0 && !file.EndsWith(address, StringComparison.Ordinal))
                {
                    IpamBench.AddressOf(answer.Json).Should().NotStartWith($"{address}/", because);
                }
            }

            File.ReadAllText(victim).Should().Be("precious", because);
            Directory.GetFileSystemEntries(Path.GetDirectoryName(victim)!).Should().ContainSingle(because);
        }

        Figures.Report($"fuzz: twill-ipam's files, seed {seed}", $"{Files:N0} damaged files, {6 * Files:N0} calls, 0 crashes", output);
    }

    public void Dispose() => _bench.Dispose();

    private enum Damage
    {
        Random,
        Mutated,
        Cut,
        Empty,
        Zeros,
        Huge,
        Directory,
        Fifo,
        LinkToFile,
        LinkToNowhere,
        LinkToItself,
        LinkToDevice,
        Missing,
    }

    private static void DamageFile(Random random, string file, Damage damage, string victim)
    {
        FileInfo info = new(file);
        byte[] content =
            info.Exists && info.LinkTarget is null ? File.ReadAllBytes(file) : Encoding.UTF8.GetBytes("container: c2\ninterface: eth0\n");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.Delete(file);
        byte[] noise = new byte[random.Next(1, 4000)];
        random.NextBytes(noise);
        switch (damage)
        {
            case Damage.Random:
                File.WriteAllBytes(file, noise);
                break;
            case Damage.Mutated:
                File.WriteAllBytes(file, Mutation.OfBytes(random, content));
                break;
            case Damage.Cut:
                File.WriteAllBytes(file, content[..random.Next(content.Length + 1)]);
                break;
            case Damage.Empty:
                File.WriteAllBytes(file, []);
                break;
            case Damage.Zeros:
                File.WriteAllBytes(file, new byte[content.Length]);
                break;
            case Damage.Huge:
                using (FileStream huge = File.Create(file))
                {
                    huge.SetLength(1L << 40);
                }

                break;
            case Damage.Directory:
                Directory.CreateDirectory(Path.Combine(file, "with", "more"));
                break;
            case Damage.Fifo:
                Cmd.Run("mkfifo", [file]).OrThrow();
                break;
            case Damage.LinkToFile:
                File.CreateSymbolicLink(file, victim);
                break;
            case Damage.LinkToNowhere:
                File.CreateSymbolicLink(file, Path.Combine(Path.GetDirectoryName(victim)!, "nowhere"));
                break;
            case Damage.LinkToItself:
                File.CreateSymbolicLink(file, file);
                break;
            case Damage.LinkToDevice:
                File.CreateSymbolicLink(file, "/dev/zero");
                break;
            default:
                break;
        }
    }

    private static void WriteLease(IpamBench bench, bool dual) =>
        new Network.State.SubnetFile
        {
            Network = "net",
            NodeId = "0123456789abcdef0123456789abcdef",
            Subnets = dual ? [IPNetwork.Parse("10.9.4.0/24"), IPNetwork.Parse("fd00:9:0:4::/64")] : [IPNetwork.Parse("10.9.4.0/24")],
            Backend = "vxlan",
            LeaseId = 7,
            Ttl = 3600,
            BootId = bench.Clock.BootId,
            Deadline = bench.Clock.Now + 3600,
        }.Write(bench.NetworkStateDir);

    private static void Judge(CniAnswer answer, string because)
    {
        answer.Stdout.Should().NotContain("   at ", because);
        if (answer.ExitCode == 0)
        {
            if (answer.Stdout.Length > 0)
            {
                answer.Json.ValueKind.Should().Be(JsonValueKind.Object, because);
            }

            return;
        }

        answer.ExitCode.Should().Be(1, because);
        s_codes.Should().Contain(answer.ErrorCode, $"{because}: {answer}");
        answer.ErrorText.Should().NotBeEmpty(because);
        answer.ErrorText.Should().NotContain("precious", because);
    }
}
