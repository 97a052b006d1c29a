using Twill.EndToEnd.Tests.Capabilities;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>Many containers at once, and many one after the other: addresses are unique, and nothing is left.</summary>
public sealed class StormTests
{
    private const string Ports =
        """{"portMappings":[{"hostPort":PORT,"containerPort":80,"protocol":"udp"},{"hostPort":PORT,"containerPort":80}]}""";
    private const string Limits =
        """{"bandwidth":{"ingressRate":20000000,"ingressBurst":1000000,"egressRate":20000000,"egressBurst":1000000}}""";

    [RequiresRootFact]
    public void Thirty_two_adds_at_once_on_a_fresh_host_have_different_addresses_and_all_work()
    {
        using SingleHost single = new();
        LabHost host = single.Host;
        host.Write("/run/storm/config", single.Config);
        host.Write(
            "/run/storm/all",
            """
            for i in $(seq 32); do ip netns add s$i; done
            for i in $(seq 32); do
                CNI_COMMAND=ADD CNI_CONTAINERID=s$i CNI_NETNS=/run/netns/s$i CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin /opt/cni/bin/twill </run/storm/config >/run/storm/$i.json &
            done
            wait
            for i in $(seq 32); do jq -r '.ips[0].address // "ADD failed: \(.)"' /run/storm/$i.json; done
            for i in $(seq 32); do ip netns exec s$i ping -n -q -c 1 -W 2 10.244.0.1 >/dev/null || echo "s$i is cut off"; done
            """
        );

        string[] addresses = host.RunFor(TimeSpan.FromMinutes(2), "sh", "/run/storm/all")
            .OrThrow()
            .Stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        addresses.Should().HaveCount(32).And.OnlyHaveUniqueItems().And.OnlyContain(a => a.StartsWith("10.244.0.") && a.EndsWith("/24"));
        Leftovers.Records(host).Should().HaveCount(32);
        Leftovers.Links(host).Should().HaveCount(32);
    }

    [RequiresRootFact]
    public void Hundreds_of_containers_that_come_and_go_leave_nothing()
    {
        using SingleHost single = new();
        LabHost host = single.Host;
        for (int worker = 1; worker <= 4; worker++)
        {
            host.Write($"/run/storm/{worker}.plain", single.Config);
            host.Write(
                $"/run/storm/{worker}.ports",
                single.Conf.ForPlugin().WithRuntimeConfig(Ports.Replace("PORT", $"{8000 + worker}")).ToJsonString()
            );
            host.Write($"/run/storm/{worker}.limits", single.Conf.ForPlugin().WithRuntimeConfig(Limits).ToJsonString());
        }

        // Four workers, each with a namespace of its own that is used again and again; every fifth container has ports and a client.
        host.Write(
            "/run/storm/worker",
            $$"""
            export CNI_NETNS=/run/netns/w$1 CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin
            ip netns delete w$1 2>/dev/null
            ip netns add w$1
            for i in $(seq $2); do
                config=/run/storm/$1.plain
                [ $((i % 5)) != 0 ] || config=/run/storm/$1.ports
                [ $((i % 7)) != 0 ] || config=/run/storm/$1.limits
                CNI_COMMAND=ADD CNI_CONTAINERID=w$1-$i /opt/cni/bin/twill <$config >/run/storm/$1.answer || { echo "ADD $i: $(cat /run/storm/$1.answer)"; exit 1; }
                [ $((i % 5)) != 0 ] || echo hello >/dev/udp/{{host.Address}}/$((8000 + $1))
                CNI_COMMAND=DEL CNI_CONTAINERID=w$1-$i /opt/cni/bin/twill <$config || exit 1
            done
            """
        );
        Run(host, 7);
        string before = StateOf(host);

        Run(host, 100);

        StateOf(host).Should().Be(before);
        Leftovers.Of(host).Should().BeEmpty();
        host.Sh("conntrack -L -p udp 2>/dev/null").Should().NotContain("dport=800");
        host.Nft("list table inet twill-twill").Should().NotContain("80 }").And.NotContain("elements = { \"tw");
        Directory.GetFileSystemEntries(host.At("/var/lib/cni/twill/twill/attachments")).Should().BeEmpty();
        Directory.GetFiles(host.At("/run/twill/twill/ports")).Should().BeEmpty();
        Directory.GetFiles(host.At("/run/twill/twill/adding")).Should().BeEmpty();
    }

    private static void Run(LabHost host, int cycles) =>
        host.RunFor(
                TimeSpan.FromMinutes(5),
                "bash",
                "-c",
                $"for w in 1 2 3 4; do bash /run/storm/worker $w {cycles} & pids=\"$pids $!\"; done; for p in $pids; do wait $p || "
                    + $"exit 1; done"
            )
            .OrThrow();

    /// <summary>Links, routes, rules and the names of files, as an administrator sees them.</summary>
    private static string StateOf(LabHost host)
    {
        Eventually.True("children of the last DELs have ended", () => Leftovers.Links(host).Count == 0);
        return host.Sh(
            "ip -br link | sed 's/@.*//; s/ .*//'; ip -4 route show table all | sed 's/ linkdown//'; ip rule; nft --stateless list "
                + "ruleset; tc qdisc show; find /var/lib/cni/twill /run/twill | sort"
        );
    }
}
