using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Twill.Network.State;
using Twill.Testing;

namespace Twill.Ipam.Tests.Subnets;

/// <summary>Hosts against a real etcd, judged by etcdctl and the files on disk.</summary>
[RequiresEtcd]
public sealed class LeasedSubnetsTests : IClassFixture<EtcdFixture>, IDisposable
{
    private const string Other = """{"PublicIP":"192.0.2.1","PublicIPv6":null}""";

    private static int s_networks;
    private readonly EtcdServer _etcd;
    private readonly string _prefix = $"/twill/test{Interlocked.Increment(ref s_networks)}";
    private readonly IpamBench _bench = new();

    public LeasedSubnetsTests(EtcdFixture fixture) => _etcd = fixture.Server;

    [Fact]
    public void The_first_ADD_writes_the_configuration_leases_a_subnet_and_gives_its_second_address()
    {
        string address = _bench.Add(Config());
        string config = _etcd.Get($"{_prefix}/config")!;
        config.Should().Contain("\"Network\":\"10.244.0.0/16\"").And.Contain("\"SubnetLen\":24");
        KeyValuePair<string, string> lease = _etcd.List($"{_prefix}/subnets/").Should().ContainSingle().Subject;
        string key = lease.Key[$"{_prefix}/subnets/".Length..];
        address.Should().Be($"{key.Replace(".0-24", ".2/24", StringComparison.Ordinal)}");
        lease.Value.Should().Be("""{"PublicIP":"127.0.0.1","PublicIPv6":null}""", "under another main plugin only the holder is published");
        File.ReadAllText(_bench.NetworkStateDir.SubnetPath).Should().Contain(key.Replace('-', '/')).And.Contain("boot-1");
    }

    [Fact]
    public void What_the_node_file_says_is_published()
    {
        WriteNode("boot-1");
        _bench.Add(Config(top: ""","type":"twill" """));
        _etcd
            .List($"{_prefix}/subnets/")
            .Values.Should()
            .Equal(
                """{"PublicIP":"192.0.2.7","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:11:22:33:44:55"}}"""
            );
        SubnetFile.TryRead(_bench.NetworkStateDir, out _)!.Backend.Should().Be("vxlan");
    }

    [Fact]
    public void In_a_dual_stack_network_both_subnets_are_leased_and_an_address_of_each_given()
    {
        WriteNode("boot-1", "2001:db8::7");

        JsonElement ips = _bench.Run("ADD", Dual(top: ""","type":"twill" """)).OrThrow().Json.GetProperty("ips");

        KeyValuePair<string, string> lease = _etcd.List($"{_prefix}/subnets/").Should().ContainSingle().Subject;
        string[] subnets = lease.Key[$"{_prefix}/subnets/".Length..].Split('&');
        lease
            .Value.Should()
            .Be(
                """{"PublicIP":"192.0.2.7","PublicIPv6":"2001:db8::7","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:11:22:33:44:55"},"""
                    + "\"BackendV6Data\":{\"VNI\":1,\"VtepMAC\":\"02:11:22:33:44:66\"}}"
            );
        ips.EnumerateArray()
            .Select(ip => ip.GetProperty("address").GetString())
            .Should()
            .Equal(
                subnets[0].Replace(".0-24", ".2/24", StringComparison.Ordinal),
                subnets[1].Replace("::-64", "::2/64", StringComparison.Ordinal)
            );
        SubnetFile
            .TryRead(_bench.NetworkStateDir, out _)!
            .Subnets.Select(subnet => subnet.ToString())
            .Should()
            .Equal(subnets.Select(subnet => subnet.Replace('-', '/')));
        _etcd
            .Get($"{_prefix}/config")
            .Should()
            .Contain("\"EnableIPv6\":true")
            .And.Contain("\"IPv6Network\":\"fd00:9::/48\"")
            .And.Contain("\"IPv6SubnetLen\":64");
    }

    [Fact]
    public void A_dual_stack_host_grows_by_both_when_one_family_is_full()
    {
        string narrow = Config(network: "10.9.0.0/24", subnetLen: 29, ipam: ""","ipv6Network":"fd00:9::/48" """); // five addresses each
        for (int i = 1; i <= 6; i++)
        {
            _bench.Run("ADD", narrow, $"c{i}").OrThrow();
        }

        SubnetFile.TryRead(_bench.NetworkStateDir, out _)!.Subnets.Should().HaveCount(4);
        _etcd.List($"{_prefix}/subnets/").Keys.Should().HaveCount(2).And.OnlyContain(key => key.Contains('&'));
    }

    [Fact]
    public void A_host_that_gets_IPv6_before_its_network_is_told_what_to_do_and_after_it_keeps_its_IPv4_subnet()
    {
        string before = _bench.Add(Config());
        string key = _etcd.List($"{_prefix}/subnets/").Keys.Single();

        CniAnswer refused = _bench.Run("ADD", Dual(), "c2");

        refused.ErrorCode.Should().Be(7);
        refused
            .ErrorText.Should()
            .Contain("EnableIPv6 is true here and false in etcd")
            .And.Contain("\"EnableIPv6\":true,\"IPv6Network\":\"fd00:9::/48\",\"IPv6SubnetLen\":64");
        _bench.Run("STATUS", Dual()).ErrorText.Should().Contain("EnableIPv6 is true here and false in etcd");
        _bench.Add(Config(), "c3").Should().NotBe(before, "without IPv6 in its configuration it goes on");
        _etcd.List($"{_prefix}/subnets/").Keys.Should().Equal(key);

        _etcd.Put(
            $"{_prefix}/config",
            _etcd
                .Get($"{_prefix}/config")!
                .Replace(
                    "\"EnableIPv6\":false",
                    "\"EnableIPv6\":true,\"IPv6Network\":\"fd00:9::/48\",\"IPv6SubnetLen\":64",
                    StringComparison.Ordinal
                )
        );
        _bench.Run("ADD", Dual(), "c4").OrThrow();

        _etcd.List($"{_prefix}/subnets/").Keys.Should().ContainSingle().Which.Should().StartWith($"{key}&fd00:9:");
        _bench.Recorded.Should().HaveCount(3);
    }

    [Fact]
    public void A_node_file_of_an_earlier_boot_is_not_published()
    {
        WriteNode("boot-0");
        _bench.Add(Config());
        _etcd.List($"{_prefix}/subnets/").Values.Should().Equal("""{"PublicIP":"127.0.0.1","PublicIPv6":null}""");
    }

    [Fact]
    public void With_a_lease_no_further_ADD_or_DEL_needs_etcd()
    {
        _bench.Add(Config());
        string unreachable = Config(endpoint: "http://127.0.0.1:1");
        _bench.Add(unreachable, "c2").Should().EndWith(".3/24");
        _bench
            .Run(
                "CHECK",
                Config(
                    endpoint: "http://127.0.0.1:1",
                    top: $$""","prevResult":{"cniVersion":"1.1.0","ips":[{"address":"{{_bench.Add(unreachable, "c3")}}"}]}"""
                ),
                "c3"
            )
            .OrThrow();
        _bench.Run("DEL", unreachable, "c2").OrThrow();
        _bench.Run("STATUS", unreachable).OrThrow();
        _bench.Recorded.Should().HaveCount(2);
    }

    [Fact]
    public void Twenty_at_once_on_one_host_make_one_lease()
    {
        CniAnswer[] answers = new CniAnswer[20];
        // Threads of their own: blocked ones of the pool would starve the calls to etcd, which a process of its own never does.
        Thread[] threads = [.. Enumerable.Range(0, 20).Select(i => new Thread(() => answers[i] = _bench.Run("ADD", Config(), $"c{i}")))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        answers.Select(a => IpamBench.AddressOf(a.OrThrow().Json)).Should().OnlyHaveUniqueItems();
        _etcd.List($"{_prefix}/subnets/").Should().HaveCount(1);
        _etcd.List($"{_prefix}/twill/nodes/").Should().HaveCount(1);
    }

    [Fact]
    public void A_dead_etcd_is_an_error_within_seconds_that_names_the_endpoints_and_takes_nothing()
    {
        long start = Stopwatch.GetTimestamp();
        CniAnswer answer = _bench.Run("ADD", Config(endpoint: "http://127.0.0.1:1,http://127.0.0.1:2"));
        Stopwatch
            .GetElapsedTime(start)
            .Should()
            .BeLessThan(TimeSpan.FromSeconds(10), "it gives up after 5 s, and does not try for another 5");
        answer.ErrorCode.Should().Be(11);
        answer
            .ErrorText.Should()
            .Contain("http://127.0.0.1:1")
            .And.Contain("http://127.0.0.1:2")
            .And.Contain("no subnet since it was booted");
        _bench.Recorded.Should().BeEmpty();
    }

    [Fact]
    public void A_host_that_swallows_packets_is_given_up_within_seconds()
    {
        using EtcdServer frozen = EtcdServer.Start();
        frozen.Pause();
        try
        {
            long start = Stopwatch.GetTimestamp();
            CniAnswer answer = _bench.Run("ADD", Config(endpoint: frozen.Endpoint));
            Stopwatch
                .GetElapsedTime(start)
                .Should()
                .BeLessThan(TimeSpan.FromSeconds(10), "it gives up after 5 s, and does not try for another 5");
            answer.ErrorCode.Should().Be(11);
            answer.ErrorText.Should().Contain(frozen.Endpoint);
        }
        finally
        {
            frozen.Resume();
        }
    }

    [Fact]
    public void An_etcd_that_is_slow_and_gets_on_is_waited_for()
    {
        const int Port = 12380;
        using TempDir directory = TempDir.Create();
        File.WriteAllText(directory.At("delay"), "0.5"); // each way
        string script = Path.Combine(RepoPaths.Root, "tests", "EndToEnd.Tests", "Faults", "slow.py");
        using Daemon proxy = Daemon.Start(
            "slow.py",
            ["python3", script, directory.At("delay"), $"{Port}", _etcd.Endpoint],
            directory.At("slow.log")
        );
        Eventually.True("the proxy listens", () => Cmd.Run("ss", ["-Htln"]).Stdout.Contains($":{Port} "), onFailure: () => proxy.Log);
        long start = Stopwatch.GetTimestamp();

        string address = _bench.Add(Config(endpoint: $"http://127.0.0.1:{Port}"));

        Stopwatch.GetElapsedTime(start).Should().BeGreaterThan(TimeSpan.FromSeconds(5), "or the test shows nothing");
        _etcd.List($"{_prefix}/subnets/").Keys.Should().ContainSingle().Which.Should().Contain(Base(address, 24).Replace('/', '-'));
    }

    [Fact]
    public void A_configuration_that_contradicts_the_clusters_is_refused_naming_both()
    {
        _etcd.Put($"{_prefix}/config", """{"Network":"10.5.0.0/16","SubnetLen":25,"Backend":{"Type":"host-gw"}}""");
        CniAnswer answer = _bench.Run("ADD", Config());
        answer.ErrorCode.Should().Be(7);
        answer
            .ErrorText.Should()
            .Contain("10.244.0.0/16")
            .And.Contain("10.5.0.0/16")
            .And.Contain("24")
            .And.Contain("25")
            .And.Contain($"{_prefix}/config");
        _etcd.List($"{_prefix}/subnets/").Should().BeEmpty();
        _bench.Run("STATUS", Config()).ErrorCode.Should().Be(50);
    }

    [Fact]
    public void A_configuration_changed_after_the_lease_is_noticed()
    {
        _bench.Add(Config());
        CniAnswer answer = _bench.Run("ADD", Config(network: "10.99.0.0/16"), "c2");
        answer.ErrorCode.Should().Be(7);
        answer.ErrorText.Should().Contain("10.99.0.0/16").And.Contain("10.244.0.0/16");
    }

    [Fact]
    public void Full_subnets_grow_by_one_under_the_same_lease()
    {
        string config = Config(network: "10.9.0.0/24", subnetLen: 29); // five containers each
        string[] addresses = [.. Enumerable.Range(1, 7).Select(i => _bench.Add(config, $"c{i}"))];
        addresses.Select(a => a[..(a.LastIndexOf('.') + 1)]).Distinct().Should().HaveCount(1);
        addresses.Select(a => Base(a, 29)).Distinct().Should().HaveCount(2);
        _etcd.List($"{_prefix}/subnets/").Should().HaveCount(2);
        LeaseIds().Distinct().Should().HaveCount(1);
        SubnetFile.TryRead(_bench.NetworkStateDir, out _)!.Subnets.Should().HaveCount(2);
    }

    [Fact]
    public void When_the_cluster_has_no_further_subnet_the_error_has_the_numbers()
    {
        string config = Config(network: "10.9.0.0/27", subnetLen: 29, ipam: ""","subnetMin":"10.9.0.0" """);
        foreach (string other in new[] { "10.9.0.8-29", "10.9.0.16-29", "10.9.0.24-29" })
        {
            _etcd.Put($"{_prefix}/subnets/{other}", """{"PublicIP":"192.0.2.1","PublicIPv6":null}""");
        }

        foreach (int i in Enumerable.Range(1, 5))
        {
            _bench.Add(config, $"c{i}").Should().Be($"10.9.0.{i + 1}/29");
        }

        CniAnswer answer = _bench.Run("ADD", config, "c6");
        answer.ErrorCode.Should().Be(11);
        answer.ErrorText.Should().Contain("all 5 addresses").And.Contain("10.9.0.0/29").And.Contain("all 4 subnets");
        CniAnswer status = _bench.Run("STATUS", config);
        status.ErrorCode.Should().Be(50);
        status.ErrorText.Should().Contain("all 5 addresses");
        _bench.Run("DEL", config, "c2").OrThrow();
        _bench.Run("STATUS", config).OrThrow();
        _bench.Add(config, "c6").Should().Be("10.9.0.3/29");
    }

    [Fact]
    public void A_cluster_without_a_free_subnet_refuses_the_first_ADD()
    {
        string config = Config(network: "10.9.0.0/27", subnetLen: 29, ipam: ""","subnetMin":"10.9.0.0" """);
        foreach (string other in new[] { "10.9.0.0-29", "10.9.0.8-29", "10.9.0.16-29", "10.9.0.24-29" })
        {
            _etcd.Put($"{_prefix}/subnets/{other}", """{"PublicIP":"192.0.2.1","PublicIPv6":null}""");
        }

        CniAnswer answer = _bench.Run("ADD", config);
        answer.ErrorCode.Should().Be(11);
        answer.ErrorText.Should().Contain("all 4 subnets");
        _bench.Run("STATUS", config).ErrorCode.Should().Be(50);
        _bench.Recorded.Should().BeEmpty();
    }

    [Fact]
    public void After_a_reboot_the_host_gets_its_subnet_back_and_the_addresses_of_the_dead_as_well()
    {
        string config = Config(network: "10.9.0.0/24", subnetLen: 29);
        string before = Base(_bench.Add(config), 29);
        foreach (int i in Enumerable.Range(2, 4))
        {
            _bench.Add(config, $"c{i}");
        }

        _bench.Clock.BootId = "boot-2";
        _bench.Clock.Now = 20;
        Directory.Delete(_bench.State.Root, recursive: true);
        string[] after = [.. Enumerable.Range(1, 5).Select(i => Base(_bench.Add(config, $"new{i}"), 29))];
        after.Distinct().Should().Equal([before], "the host gets its own back, and there is room in it: everyone of before is gone");
        _etcd.List($"{_prefix}/subnets/").Should().HaveCount(1);
    }

    [Fact]
    public void State_left_from_an_earlier_boot_does_not_open_the_fence()
    {
        _bench.Add(Config());
        _bench.Clock.BootId = "boot-2";
        _bench.Clock.Now = 10;
        CniAnswer answer = _bench.Run("ADD", Config(endpoint: "http://127.0.0.1:1"), "c2");
        answer.ErrorCode.Should().Be(11);
        answer.ErrorText.Should().Contain("since it was booted");
    }

    [Fact]
    public void After_the_deadline_nothing_is_handed_out_while_etcd_is_away()
    {
        string first = _bench.Add(Config());
        _bench.Clock.Now += 60 + 1;
        CniAnswer answer = _bench.Run("ADD", Config(endpoint: "http://127.0.0.1:1"), "c2");
        answer.ErrorCode.Should().Be(11);
        answer.ErrorText.Should().Contain(Base(first, 24)).And.Contain("renewed last 61 s ago").And.Contain("http://127.0.0.1:1");
        CniAnswer status = _bench.Run("STATUS", Config(endpoint: "http://127.0.0.1:1"));
        status.ErrorCode.Should().Be(50);
        status.ErrorText.Should().Contain("http://127.0.0.1:1");
        _bench.Run("DEL", Config(endpoint: "http://127.0.0.1:1")).OrThrow();
        _bench.Recorded.Should().BeEmpty();
    }

    [Fact]
    public void A_process_that_stands_still_past_the_deadline_gives_back_what_it_claims_then()
    {
        string first = _bench.Add(Config());
        _bench.Clock.StandStillAfter(looks: 1, seconds: 61);
        _bench.Run("ADD", Config(endpoint: "http://127.0.0.1:1"), "c2").ErrorCode.Should().Be(11);
        _bench.Recorded.Should().ContainSingle();

        _bench.Clock.Now = 1000;
        _bench.Add(Config(), "c2");
        _bench.Clock.StandStillAfter(looks: 1, seconds: 61);
        _bench.Add(Config(), "c3").Should().NotBe(first, "etcd answers, so it renews and claims again");
    }

    [Fact]
    public void After_the_deadline_an_ADD_renews_when_etcd_answers()
    {
        string first = _bench.Add(Config());
        _bench.Clock.Now += 61;
        _bench.Run("STATUS", Config()).OrThrow();
        Base(_bench.Add(Config(), "c2"), 24).Should().Be(Base(first, 24));
        SubnetFile.TryRead(_bench.NetworkStateDir, out _)!.Deadline.Should().BeApproximately(_bench.Clock.Now + 60, 1);
    }

    [Fact]
    public void A_subnet_that_became_anothers_gets_no_new_containers()
    {
        string first = _bench.Add(Config());
        string key = Assert.Single(_etcd.List($"{_prefix}/subnets/")).Key;
        _etcd.Put(key, """{"PublicIP":"192.0.2.1","PublicIPv6":null}""");
        _bench.Clock.Now += 61;
        string second = _bench.Add(Config(), "c2");
        Base(second, 24).Should().NotBe(Base(first, 24));
        SubnetFile file = SubnetFile.TryRead(_bench.NetworkStateDir, out _)!;
        file.Lost.Should().Equal(IPNetwork.Parse(Base(first, 24)));
        file.Subnets.Should().Equal(IPNetwork.Parse(Base(second, 24)));
        _etcd.Get(key).Should().Contain("192.0.2.1", "another's key is never overwritten");
        _bench.Log.Should().Contain(line => line.Contains(Base(first, 24)) && line.Contains("another host's"));
        _bench.Run("DEL", Config(), "c1").OrThrow();
        _bench.Recorded.Should().Equal(second[..^3]);
    }

    [Fact]
    public void A_lost_subnet_is_forgotten_with_its_last_container()
    {
        string first = _bench.Add(Config());
        _etcd.Put(_etcd.List($"{_prefix}/subnets/").Keys.Single(), Other);
        _bench.Clock.Now += 61;
        _bench.Add(Config(), "c2");
        _bench.Clock.Now += 61;
        _bench.Add(Config(), "c3");
        SubnetFile.TryRead(_bench.NetworkStateDir, out _)!.Lost.Should().Equal([IPNetwork.Parse(Base(first, 24))], "c1 still uses it");

        _bench.Run("DEL", Config(), "c1").OrThrow();
        _bench.Clock.Now += 61;
        _bench.Add(Config(), "c4");

        SubnetFile.TryRead(_bench.NetworkStateDir, out _)!.Lost.Should().BeEmpty();
    }

    [Fact]
    public void A_subnet_that_became_anothers_is_written_down_although_the_network_has_no_other()
    {
        string config = Config(network: "10.9.0.0/27", subnetLen: 29, ipam: ""","subnetMin":"10.9.0.0" """);
        foreach (string other in new[] { "10.9.0.8-29", "10.9.0.16-29", "10.9.0.24-29" })
        {
            _etcd.Put($"{_prefix}/subnets/{other}", Other);
        }

        _bench.Add(config).Should().Be("10.9.0.2/29");
        _etcd.Put($"{_prefix}/subnets/10.9.0.0-29", Other);
        _bench.Clock.Now += 61;

        _bench.Run("ADD", config, "c2").ErrorCode.Should().Be(11);

        SubnetFile file = SubnetFile.TryRead(_bench.NetworkStateDir, out _)!;
        file.Subnets.Should().BeEmpty();
        file.Lost.Should().Equal(IPNetwork.Parse("10.9.0.0/29"));
    }

    [Fact]
    public void A_host_that_has_changed_is_published_anew_when_it_renews()
    {
        string config = Config(top: ""","type":"twill" """);
        WriteNode("boot-1");
        _bench.Add(config);
        WriteNode("boot-1", publicIP: "192.0.2.8");
        _bench.Clock.Now += 61;
        _bench.Add(config, "c2");
        _etcd.List($"{_prefix}/subnets/").Values.Should().ContainSingle().Which.Should().Contain("\"PublicIP\":\"192.0.2.8\"");
    }

    [Fact]
    public void What_a_host_published_stays_while_its_node_file_cannot_be_read()
    {
        string config = Config(top: ""","type":"twill" """);
        WriteNode("boot-1");
        _bench.Add(config);
        File.WriteAllText(_bench.NetworkStateDir.NodePath, "{");
        _bench.Clock.Now += 61;
        _bench.Add(config, "c2");
        _etcd.List($"{_prefix}/subnets/").Values.Should().ContainSingle().Which.Should().Contain("02:11:22:33:44:55");
        SubnetFile.TryRead(_bench.NetworkStateDir, out _)!.Backend.Should().Be("vxlan");
    }

    [Fact]
    public void A_host_whose_node_id_was_damaged_keeps_its_subnet()
    {
        string first = _bench.Add(Config());
        File.WriteAllText(Path.Combine(_bench.DataDir, "node-id"), "damaged");
        _bench.Clock.Now += 61;
        Base(_bench.Add(Config(), "c2"), 24).Should().Be(Base(first, 24));
        _etcd.List($"{_prefix}/subnets/").Should().ContainSingle();
    }

    [Fact]
    public void A_copy_of_a_host_that_was_given_a_node_id_of_its_own_leaves_the_subnet_to_the_other()
    {
        string first = _bench.Add(Config());
        string key = _etcd.List($"{_prefix}/subnets/").Keys.Single();
        _etcd.Etcdctl("put", key, Other, $"--lease={LeaseIds().Single():x}");
        File.WriteAllText(Path.Combine(_bench.DataDir, "node-id"), "0123456789abcdef0123456789abcdef\n");
        _bench.Clock.Now += 61;

        string second = _bench.Add(Config(), "c2");

        Base(second, 24).Should().NotBe(Base(first, 24));
        _etcd.Get(key).Should().Be(Other);
        SubnetFile file = SubnetFile.TryRead(_bench.NetworkStateDir, out _)!;
        file.Subnets.Should().Equal(IPNetwork.Parse(Base(second, 24)));
        file.Lost.Should().Equal(IPNetwork.Parse(Base(first, 24)));
    }

    [Fact]
    public void A_subnet_of_another_length_is_kept_for_its_containers_and_given_back_after_the_last_one()
    {
        string first = _bench.Add(Config());
        string former = _etcd.List($"{_prefix}/subnets/").Keys.Single();
        string config = Config(subnetLen: 25);
        string stored = _etcd.Get($"{_prefix}/config")!;
        _etcd.Put($"{_prefix}/config", stored.Replace("\"SubnetLen\":24", "\"SubnetLen\":25", StringComparison.Ordinal));

        string second = _bench.Add(config, "c2");

        IPNetwork.Parse(Base(first, 24)).Contains(IPAddress.Parse(second.Split('/')[0])).Should().BeFalse();
        _etcd.List($"{_prefix}/subnets/").Keys.Should().HaveCount(2).And.Contain(former);
        LeaseIds().Distinct().Should().ContainSingle();
        SubnetFile
            .TryRead(_bench.NetworkStateDir, out _)!
            .Subnets.Should()
            .Equal(IPNetwork.Parse(Base(first, 24)), IPNetwork.Parse(Base(second, 25)));

        _bench.Run("DEL", Config(), "c1").OrThrow();
        _bench.Clock.Now += 61;
        Base(_bench.Add(config, "c3"), 25).Should().Be(Base(second, 25));

        _etcd.List($"{_prefix}/subnets/").Keys.Should().ContainSingle().Which.Should().NotBe(former);
        SubnetFile.TryRead(_bench.NetworkStateDir, out _)!.Subnets.Should().Equal(IPNetwork.Parse(Base(second, 25)));
    }

    [Fact]
    public void A_refused_host_keeps_its_lease_alive_and_hands_out_nothing()
    {
        string good = _bench.Leased(_etcd.Endpoint, ipam: ""","leaseTtl":3""", prefix: _prefix),
            bad = _bench.Leased(_etcd.Endpoint, network: "10.99.0.0/16", ipam: ""","leaseTtl":3""", prefix: _prefix);
        string first = _bench.Add(good);
        long lease = LeaseIds().Single();
        _bench.Clock.Now += 4;

        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(6))
        {
            _bench.Run("ADD", bad, "c2").ErrorCode.Should().Be(7);
            Thread.Sleep(300);
        }

        LeaseIds().Should().Equal([lease], "etcd would have dropped it twice over");
        SubnetFile.TryRead(_bench.NetworkStateDir, out _)!.Deadline.Should().BeLessThan(_bench.Clock.Now, "the fence stays closed");
        Base(_bench.Add(good, "c2"), 24).Should().Be(Base(first, 24));
    }

    [Fact]
    public void A_torn_state_file_is_replaced_and_named()
    {
        string first = _bench.Add(Config());
        File.WriteAllText(_bench.NetworkStateDir.SubnetPath, "{\"network\":\"net\",");
        Base(_bench.Add(Config(), "c2"), 24).Should().Be(Base(first, 24), "etcd remembers whose it is");
        _bench.Log.Should().Contain(line => line.Contains(_bench.NetworkStateDir.SubnetPath));
    }

    [Fact]
    public void Status_before_the_first_ADD_asks_etcd_and_leases_nothing()
    {
        _bench.Run("STATUS", Config()).OrThrow().Stdout.Should().BeEmpty();
        _etcd.List(_prefix).Should().BeEmpty();
        CniAnswer answer = _bench.Run("STATUS", Config(endpoint: "http://127.0.0.1:1"));
        answer.ErrorCode.Should().Be(50);
        answer.ErrorText.Should().Contain("http://127.0.0.1:1");
    }

    [Fact]
    public void An_address_asked_for_must_be_of_the_leased_subnets()
    {
        string first = _bench.Add(Config());
        string wanted = first.Replace(".2/24", ".99", StringComparison.Ordinal);
        _bench.Add(Config(), "c2", args: $"IP={wanted}").Should().Be($"{wanted}/24");
        CniAnswer answer = _bench.Run("ADD", Config(), "c3", args: "IP=192.0.2.9");
        answer.ErrorCode.Should().Be(7);
        answer.ErrorText.Should().Contain("192.0.2.9").And.Contain(first.Replace("/24", "", StringComparison.Ordinal));
    }

    [Fact]
    public void A_name_for_etcds_host_is_looked_up()
    {
        _bench.Add(Config(endpoint: $"http://localhost:{_etcd.Port}")).Should().EndWith(".2/24");
    }

    public void Dispose() => _bench.Dispose();

    private string Config(
        string? endpoint = null,
        string network = "10.244.0.0/16",
        int subnetLen = 24,
        string ipam = "",
        string top = ""
    ) => _bench.Leased(endpoint ?? _etcd.Endpoint, network, subnetLen, ""","leaseTtl":60""" + ipam, top, _prefix);

    private string Dual(string top = "") => Config(ipam: ""","ipv6Network":"fd00:9::/48" """, top: top);

    private void WriteNode(string bootId, string? publicIPv6 = null, string publicIP = "192.0.2.7") =>
        new NodeFile
        {
            Network = "net",
            BootId = bootId,
            BackendType = "vxlan",
            PublicIP = IPAddress.Parse(publicIP),
            Vni = 1,
            Port = 4789,
            VtepMac = "02:11:22:33:44:55",
            PublicIPv6 = publicIPv6 is null ? null : IPAddress.Parse(publicIPv6),
            VtepMacV6 = publicIPv6 is null ? "" : "02:11:22:33:44:66",
        }.Write(_bench.NetworkStateDir);

    private IEnumerable<long> LeaseIds()
    {
        using JsonDocument answer = JsonDocument.Parse(_etcd.Etcdctl("get", "--prefix", $"{_prefix}/subnets/", "-w", "json"));
        return [.. answer.RootElement.GetProperty("kvs").EnumerateArray().Select(kv => kv.GetProperty("lease").GetInt64())];
    }

    /// <summary>The subnet of an address, as text.</summary>
    private static string Base(string address, int length)
    {
        byte[] bytes = IPAddress.Parse(address.Split('/')[0]).GetAddressBytes();
        bytes[3] &= (byte)(0xff << (32 - length));
        return $"{new IPAddress(bytes)}/{length}";
    }
}

/// <summary>One etcd for all tests of a class; each has a prefix of its own.</summary>
public sealed class EtcdFixture : IDisposable
{
    public EtcdServer Server { get; } = EtcdServer.Start();

    public void Dispose() => Server.Dispose();
}
