using System.Text.Json;
using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Trace;

/// <summary>TWILL_TRACE=netlink: what a program does to the kernel, as commands on standard error.</summary>
public sealed partial class NetlinkTraceTests : IDisposable
{
    private static readonly Dictionary<string, string?> s_traced = new() { ["TWILL_TRACE"] = "netlink" };

    /// <summary>What nft 1.0 lists but does not take: "can not use variable sized data types (invalid) in concat expressions", and the
    /// target of a neighbour advertisement, which has words since nft 1.0.8 only.</summary>
    private static readonly string[] s_notForNft = [" . ct original proto-dst . ", " . @th,64,128 "];

    private readonly Lab? _lab = Environment.IsPrivilegedProcess ? Lab.Create() : null;

    public void Dispose() => _lab?.Dispose();

    [RequiresRootFact]
    public void The_commands_of_an_ADD_run_by_a_shell_on_another_host_make_the_same_links_addresses_routes_and_rules()
    {
        LabHost host = NewHost("host"),
            again = NewHost("again");
        LabContainer container = host.NewContainer("traced"),
            copy = again.NewContainer("traced");

        CniAnswer answer = (host.Plugin("twill", container) with { Env = s_traced }).Add(Config).OrThrow();

        answer.Json.GetProperty("ips").GetArrayLength().Should().Be(1, "standard output holds the result and nothing else");
        string[] lines = answer.Stderr.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Should().OnlyContain(line => Command().IsMatch(line));
        string inside = Regex.Escape($"nsenter --net={container.NetnsPath} ");
        answer.Stderr.Should().MatchRegex("(?m)^ip link add .* type veth peer name eth0 ");
        answer.Stderr.Should().MatchRegex($"(?m)^{inside}ip addr add .* dev eth0$");
        answer.Stderr.Should().MatchRegex($"(?m)^{inside}ip route (add|append) default via .* dev eth0$");

        IEnumerable<string> script = lines.Where(line => !Question().IsMatch(line) && !IsNotForNft(line));
        again.Run("sh", "-c", string.Join('\n', script)).Stderr.Should().BeEmpty();

        // Some routes of IPv6 the kernel makes by itself, a moment after the links are up.
        Eventually.Pass(() => StateOf(again, copy).Should().Be(StateOf(host, container), $"the commands were\n{answer.Stderr}"));
    }

    [RequiresRootFact]
    public void What_the_kernel_refuses_is_told_with_its_words()
    {
        LabHost host = NewHost("host");
        LabContainer container = host.NewContainer("refused");
        CniProcess plugin = host.Plugin("twill", container) with { Env = s_traced };
        container.Ip("link add eth0 type veth peer name other");

        CniAnswer answer = plugin.Add(Config);

        answer.ExitCode.Should().NotBe(0);
        answer.Json.GetProperty("code").GetInt32().Should().BePositive();
        answer.Stderr.Should().MatchRegex("(?m)^# File exists \\(errno 17\\).*: ip link add .* type veth peer name eth0 ");
    }

    [RequiresRootFact]
    public void The_agent_prints_the_ways_to_other_hosts()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost traced = cluster.NewHost("traced"),
            other = cluster.Hosts[0];
        using Daemon agent = traced.StartAgent(s_traced);

        cluster.WaitUntilJoined();

        string subnet = cluster.LeaseOf(other)!;
        string[] lines = agent.Log.Split('\n');
        lines.Should().Contain(line => line.StartsWith("ip nexthop add id ") && line.Contains(" dev twill.1 onlink proto 116"));
        lines.Should().Contain(line => line.StartsWith($"ip route prepend {subnet} nhid "));
        lines.Should().Contain(line => line.StartsWith("bridge fdb replace ") && line.Contains($" dev twill.1 dst {other.Address} "));
        lines.Should().Contain(line => line.StartsWith("ip neigh replace ") && line.Contains(" dev twill.1 nud permanent protocol 116"));
    }

    [RequiresRootFact]
    public void Nobody_who_asks_for_something_else_is_told()
    {
        LabHost host = NewHost("host");
        CniProcess plugin = host.Plugin("twill", host.NewContainer("quiet")) with
        {
            Env = new Dictionary<string, string?> { ["TWILL_TRACE"] = "all" },
        };

        plugin.Add(Config).OrThrow().Stderr.Should().BeEmpty();
        plugin.Del(Config).OrThrow().Stderr.Should().BeEmpty();
    }

    private static string Config => SampleConf.Single().ForPlugin().ToJsonString();

    private LabHost NewHost(string name)
    {
        LabHost host = _lab!.AddHost(name);
        host.Configure(SampleConf.Single());
        return host;
    }

    // Links with their numbers, addresses and masters, routes, and the ruleset. What is in sysctls is not done by netlink: the link-local
    // addresses of IPv6, which they switch off, are left out.
    private static string StateOf(LabHost host, LabContainer container) =>
        string.Join(
            "\n\n",
            Facts(host.IpJson("-d address show"), "twill0", "tw"),
            Facts(container.IpJson("-d address show"), "eth0", "eth0"),
            host.Run("ip", "route", "show", "dev", "twill0").OrThrow().Stdout,
            container.Run("ip", "route", "show", "table", "all").OrThrow().Stdout,
            string.Join(
                '\n',
                host.Run("nft", "-s", "list", "ruleset").OrThrow().Stdout.Split('\n').Where(line => !IsNotForNft(line))
            )
        );

    private static bool IsNotForNft(string line) => s_notForNft.Any(line.Contains);

    private static string Facts(JsonElement links, params string[] names) =>
        string.Join(
            '\n',
            links.EnumerateArray().Where(link => names.Any(link.GetProperty("ifname").GetString()!.StartsWith)).Select(FactsOf)
        );

    private static string FactsOf(JsonElement link)
    {
        string[] keys = ["ifindex", "ifname", "flags", "mtu", "master", "group", "address", "operstate"];
        IEnumerable<string> addresses = link.GetProperty("addr_info")
            .EnumerateArray()
            .Where(a => a.GetProperty("scope").GetString() != "link")
            .Select(a =>
                $"{a.GetProperty("local")}/{a.GetProperty("prefixlen")} " + $"{(a.TryGetProperty("broadcast", out JsonElement b) ? b : "")}"
            );
        return string.Join(
            ' ',
            keys.Select(key => link.TryGetProperty(key, out JsonElement value) ? $"{key}={value}" : "").Concat(addresses)
        );
    }

    [GeneratedRegex("^(# |(nsenter --net=[^ ]+ )?(ip|bridge|tc|nft|conntrack) )")]
    private static partial Regex Command();

    /// <summary>Commands that only ask, and may find nothing.</summary>
    [GeneratedRegex("^(nsenter [^ ]+ )?(ip|bridge|tc) .*(show|get)|^nft .*(list|get) ")]
    private static partial Regex Question();
}
