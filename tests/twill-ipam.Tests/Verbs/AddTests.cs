using System.Text.Json;
using Twill.System;
using Twill.Testing;

namespace Twill.Ipam.Tests.Verbs;

public sealed class AddTests : IDisposable
{
    private readonly IpamBench _bench = new();

    [Theory]
    [InlineData(
        "0.3.1",
        """{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.1.2.2/24","gateway":"10.1.2.1"}],"routes":[{"dst":"0.0.0.0/0"}]}"""
    )]
    [InlineData(
        "0.4.0",
        """{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.2.2/24","gateway":"10.1.2.1"}],"routes":[{"dst":"0.0.0.0/0"}]}"""
    )]
    [InlineData(
        "1.0.0",
        """{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.2/24","gateway":"10.1.2.1"}],"routes":[{"dst":"0.0.0.0/0"}]}"""
    )]
    [InlineData(
        "1.1.0",
        """{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.2/24","gateway":"10.1.2.1"}],"routes":[{"dst":"0.0.0.0/0"}]}"""
    )]
    public void The_result_has_the_shape_of_the_version(string version, string expected)
    {
        string config = _bench.Fixed(version: version, ipam: ""","routes":[{"dst":"0.0.0.0/0"}]""");
        Json(_bench.Run("ADD", config).OrThrow().Json).Should().Be(expected);
    }

    [Fact]
    public void No_route_is_made_up_and_no_interface_is_listed()
    {
        JsonElement result = _bench.Run("ADD", _bench.Fixed()).OrThrow().Json;
        result.TryGetProperty("routes", out _).Should().BeFalse();
        result.TryGetProperty("interfaces", out _).Should().BeFalse();
    }

    [Fact]
    public void Containers_get_different_addresses_one_after_the_other()
    {
        new[] { "c1", "c2", "c3" }.Select(c => _bench.Add(_bench.Fixed(), c)).Should().Equal("10.1.2.2/24", "10.1.2.3/24", "10.1.2.4/24");
        _bench.Add(_bench.Fixed(), "c1", "eth1").Should().Be("10.1.2.5/24", "a second interface is another attachment");
    }

    [Fact]
    public void The_record_tells_a_person_who_has_the_address()
    {
        _bench.Add(_bench.Fixed(), "4f2c", "net1");
        string inode = NetnsIdentity.WithCookie("/proc/self/ns/net")!.Value.ToString();
        File.ReadAllText($"{_bench.Records}/10.1.2.2")
            .Should()
            .Be($"container: 4f2c\ninterface: net1\nboot: boot-1\nnetns: /proc/self/ns/net\ninode: {inode}\n");
    }

    [Fact]
    public void A_default_route_of_IPv6_is_left_out_where_nobody_gets_an_IPv6_address()
    {
        JsonElement result = _bench.Run("ADD", _bench.Fixed(ipam: ""","routes":[{"dst":"::/0"},{"dst":"0.0.0.0/0"}]""")).OrThrow().Json;

        result.GetProperty("routes").EnumerateArray().Select(r => r.GetProperty("dst").GetString()).Should().Equal("0.0.0.0/0");
    }

    [Fact]
    public void The_address_of_a_container_is_free_whose_namespace_has_left_its_inode_to_another()
    {
        string config = _bench.Fixed(ipam: ""","rangeStart":"10.1.2.9","rangeEnd":"10.1.2.9" """);
        _bench.Add(config, "crashed");
        NetnsIdentity now = NetnsIdentity.WithCookie("/proc/self/ns/net")!.Value;
        CniAnswer full = _bench.Run("ADD", config, "next");
        full.ErrorCode.Should().Be(11, "the namespace is there");
        full.ErrorText.Should().Contain("the only address of 10.1.2.0/24 that may be given out (10.1.2.9) is taken");
        string record = $"{_bench.Records}/10.1.2.9";
        string former = File.ReadAllText(record).Replace(now.ToString(), $"{now with { Cookie = now.Cookie + 1 }}");

        File.WriteAllText(record, former);
        _bench.Run("STATUS", config).OrThrow();
        _bench.Add(config, "next").Should().Be("10.1.2.9/24");

        File.WriteAllText(record, former);
        _bench.Add(config, "crashed").Should().Be("10.1.2.9/24", "its own id is free as well");
    }

    [Fact]
    public void A_second_ADD_fails_and_harms_nothing()
    {
        _bench.Add(_bench.Fixed());
        string record = File.ReadAllText($"{_bench.Records}/10.1.2.2");
        string[] files = [.. _bench.AllFiles];
        CniAnswer again = _bench.Run("ADD", _bench.Fixed());
        again.ErrorCode.Should().Be(104);
        again.ErrorText.Should().Contain("10.1.2.2").And.Contain("c1").And.Contain("eth0");
        File.ReadAllText($"{_bench.Records}/10.1.2.2").Should().Be(record);
        _bench.AllFiles.Should().Equal(files);
    }

    [Fact]
    public void After_a_reboot_the_same_container_may_be_added_again()
    {
        _bench.Add(_bench.Fixed());
        _bench.Clock.BootId = "boot-2";
        _bench.Add(_bench.Fixed()).Should().Be("10.1.2.3/24");
        _bench.Recorded.Should().Equal("10.1.2.3");
    }

    [Fact]
    public void A_full_subnet_is_an_error_that_says_so_and_an_address_freed_is_given_again()
    {
        string config = _bench.Fixed("10.1.2.0/29");
        foreach (int i in Enumerable.Range(1, 5))
        {
            _bench.Add(config, $"c{i}");
        }

        CniAnswer full = _bench.Run("ADD", config, "c6");
        full.ErrorCode.Should().Be(11);
        full.ErrorText.Should().Contain("10.1.2.0/29");
        _bench.Recorded.Should().HaveCount(5);
        _bench.Run("DEL", config, "c3").OrThrow();
        _bench.Add(config, "c6").Should().Be("10.1.2.4/29");
    }

    [RequiresRootFact]
    public void When_addresses_run_short_those_of_vanished_namespaces_are_given_again_and_of_no_living_one()
    {
        string config = _bench.Fixed("10.1.2.0/29");
        using TestNetns alive = TestNetns.Create();
        using (TestNetns dead = TestNetns.Create())
        {
            foreach (int i in Enumerable.Range(1, 5))
            {
                _bench.Add(config, $"c{i}", netns: i == 2 ? dead.Path : alive.Path);
            }
        }
        _bench.Add(config, "c6", netns: alive.Path).Should().Be("10.1.2.3/29");
        _bench.Log.Should().ContainSingle(line => line.Contains("10.1.2.3: freed") && line.Contains("c2"));
        _bench.Run("ADD", config, "c7", netns: alive.Path).ErrorCode.Should().Be(11);
        _bench.Recorded.Should().HaveCount(5);
    }

    [Fact]
    public void Gateway_and_range_are_as_configured()
    {
        string config = _bench.Fixed(ipam: ""","gateway":"10.1.2.254","rangeStart":"10.1.2.253","rangeEnd":"10.1.2.254" """);
        JsonElement result = _bench.Run("ADD", config).OrThrow().Json;
        IpamBench.AddressOf(result).Should().Be("10.1.2.253/24");
        result.GetProperty("ips")[0].GetProperty("gateway").GetString().Should().Be("10.1.2.254");
        _bench.Run("ADD", config, "c2").ErrorCode.Should().Be(11);
    }

    [Theory]
    [InlineData("IP=10.1.2.77", "", "")]
    [InlineData("IgnoreUnknown=1;K8S_POD_NAME=a;IP=10.1.2.77/24", "", "")]
    [InlineData("", ""","args":{"cni":{"ips":["10.1.2.77"]}}""", "")]
    [InlineData("", ""","runtimeConfig":{"ips":["10.1.2.77/24"]}""", "")]
    [InlineData("", ""","runtimeConfig":{"IPs":["10.1.2.77"]}""", "")]
    [InlineData("", ""","runtimeConfig":{"ips":["10.1.2.77","10.1.2.77/24","10.1.2.77/16"]}""", "the same one several times is one")]
    [InlineData("IP=10.1.2.77,10.1.2.77;MAC=02:00:00:00:00:01", "", "MAC is for the main plugin")]
    [InlineData("IP=10.1.2.9", ""","args":{"cni":{"ips":["10.1.2.77"]}}""", "args goes before CNI_ARGS")]
    [InlineData(
        "IP=10.1.2.9",
        ""","args":{"cni":{"ips":["10.1.2.8"]}},"runtimeConfig":{"ips":["10.1.2.77"]}""",
        "the capability goes before both"
    )]
    [InlineData("IP=10.1.2.77", ""","args":{"cni":{"ips":[]}},"runtimeConfig":{"ips":null}""", "an empty list asks for nothing")]
    public void An_address_asked_for_is_given(string args, string top, string because)
    {
        _bench.Add(_bench.Fixed(top: top), args: args).Should().Be("10.1.2.77/24", because);
    }

    [Theory]
    [InlineData(
        ""","runtimeConfig":{"ips":["10.1.2.8","10.1.2.9"]}""",
        2,
        "$.runtimeConfig.ips[1]: 10.1.2.9, but $.runtimeConfig.ips[0] asks for 10.1.2.8"
    )]
    [InlineData(""","runtimeConfig":{"ips":["10.1.2.8","fd00::8"]}""", 2, "$.runtimeConfig.ips[1]: fd00::8")]
    [InlineData(
        ""","runtimeConfig":{"ips":["10.1.2.8/33"]}""",
        7,
        "$.runtimeConfig.ips[0]: expected an address like 10.244.7.20, got '10.1.2.8/33'"
    )]
    [InlineData(""","runtimeConfig":{"ips":"10.1.2.8"}""", 7, "$.runtimeConfig.ips: expected a list, got '10.1.2.8'")]
    [InlineData(""","runtimeConfig":{"ips":[7]}""", 7, "$.runtimeConfig.ips[0]: expected an address, got '7'")]
    [InlineData(""","args":{"cni":{"ips":["any"]}}""", 7, "$.args.cni.ips[0]: expected an address like 10.244.7.20, got 'any'")]
    public void A_list_of_addresses_that_cannot_be_met_is_refused_by_its_path(string top, int code, string text)
    {
        CniAnswer answer = _bench.Run("ADD", _bench.Fixed(top: top));

        answer.ErrorCode.Should().Be(code);
        answer.ErrorText.Should().Contain(text);
        _bench.Recorded.Should().BeEmpty();
    }

    [Theory]
    [InlineData("K8S_POD_NAME=a", false)]
    [InlineData("IgnoreUnknown=0;K8S_POD_NAME=a", false)]
    [InlineData("ip=10.1.2.77", false)]
    [InlineData("IgnoreUnknown=1;K8S_POD_NAME=a", true)]
    [InlineData("K8S_POD_NAME=a;IgnoreUnknown=true", true)]
    [InlineData("MAC=02:00:00:00:00:01", true)]
    public void Arguments_that_nobody_knows_are_refused_unless_the_runtime_says_to_ignore_them(string args, bool taken)
    {
        CniAnswer answer = _bench.Run("ADD", _bench.Fixed(), args: args);

        (answer.ExitCode == 0).Should().Be(taken);
        if (!taken)
        {
            answer.ErrorCode.Should().Be(4);
            answer.ErrorText.Should().Contain("CNI_ARGS").And.Contain("IgnoreUnknown=1");
        }
    }

    [Theory]
    [InlineData("10.1.2.1", 7, "gateway")]
    [InlineData("10.1.2.0", 7, "10.1.2.2 to 10.1.2.254|10.1.2.1")]
    [InlineData("10.1.2.255", 7, "10.1.2.254")]
    [InlineData("10.9.9.9", 7, "10.9.9.9")]
    [InlineData("10.1.2.5", 11, "c0")]
    [InlineData("fd00::5", 2, "fd00::5")]
    [InlineData("10.1.2", 4, "10.1.2")]
    [InlineData("10.1.2.8,10.1.2.9", 2, "10.1.2.8")]
    public void An_address_that_cannot_be_given_is_a_clear_error(string wanted, int code, string text)
    {
        _bench.Add(_bench.Fixed(), "c0", args: "IP=10.1.2.5");
        CniAnswer answer = _bench.Run("ADD", _bench.Fixed(), args: $"IP={wanted}");
        answer.ErrorCode.Should().Be(code);
        answer.ErrorText.Should().ContainAny(text.Split('|'));
        _bench.Recorded.Should().Equal("10.1.2.5");
    }

    [Fact]
    public void Resolver_settings_come_from_the_file_that_is_named()
    {
        string file = _bench.Write(
            "resolv.conf",
            "# mine\nnameserver 192.0.2.53\nsearch a.example b.example\noptions ndots:2 rotate\nnameserver 2001:db8::53\n"
        );
        JsonElement dns = _bench.Run("ADD", _bench.Fixed(ipam: $$""","resolvConf":"{{file}}" """)).OrThrow().Json.GetProperty("dns");
        Json(dns)
            .Should()
            .Be("""{"nameservers":["192.0.2.53","2001:db8::53"],"search":["a.example","b.example"],"options":["ndots:2","rotate"]}""");
    }

    [Fact]
    public void A_resolver_file_without_end_is_refused_and_takes_no_address()
    {
        CniAnswer answer = _bench.Run("ADD", _bench.Fixed(ipam: ""","resolvConf":"/dev/zero" """));
        answer.ErrorCode.Should().Be(5);
        answer.ErrorText.Should().Contain("$.ipam.resolvConf: /dev/zero").And.Contain("larger than 16777216 bytes");
        Directory.Exists(_bench.Records).Should().BeFalse();
    }

    [Fact]
    public void A_missing_resolver_file_is_named_and_takes_no_address()
    {
        CniAnswer answer = _bench.Run("ADD", _bench.Fixed(ipam: ""","resolvConf":"/nowhere/resolv.conf" """));
        answer.ErrorCode.Should().Be(5);
        answer.ErrorText.Should().Contain("$.ipam.resolvConf").And.Contain("/nowhere/resolv.conf");
        _bench.Recorded.Should().BeEmpty();
    }

    [Theory]
    [InlineData(""" "type":"twill-ipam","subnet":"10.1.2.0/32" """, "$.ipam.subnet", 2)]
    [InlineData(""" "type":"twill-ipam","subnet":"10.1.2.0/24","subnets":"x" """, "$.ipam.subnets", 2)]
    [InlineData(""" "type":"host-local","subnet":"10.1.2.0/24" """, "$.ipam.type", 7)]
    [InlineData(""" "type":"twill-ipam" """, "$.ipam", 7)]
    public void A_wrong_configuration_names_the_place(string ipam, string path, int code)
    {
        CniAnswer answer = _bench.Run("ADD", $$"""{"cniVersion":"1.0.0","name":"net","type":"bridge","ipam":{ {{ipam}} } }""");
        answer.ErrorCode.Should().Be(code);
        answer.ErrorText.Should().Contain(path);
    }

    [Fact]
    public void A_container_id_as_long_as_they_come_is_found_again()
    {
        string id = new('a', 2000);
        _bench.Add(_bench.Fixed(), id);
        _bench.Run("ADD", _bench.Fixed(), id).ErrorCode.Should().Be(104);
        _bench.Run("DEL", _bench.Fixed(), id).OrThrow();
        _bench.AllFiles.Should().Equal("last", "lock");
    }

    [Theory]
    [InlineData("/run/netns/a\nboot: x", "line break")]
    [InlineData("/run/netns/LONG", "8192")]
    public void What_a_record_cannot_hold_is_refused(string netns, string text)
    {
        netns = netns.Replace("LONG", new string('x', 9000), StringComparison.Ordinal);
        CniAnswer answer = _bench.Run("ADD", _bench.Fixed(), netns: netns);
        answer.ErrorCode.Should().Be(4);
        answer.ErrorText.Should().Contain("CNI_NETNS").And.Contain(text);
        _bench.Recorded.Should().BeEmpty();
    }

    [Fact]
    public void A_data_directory_that_cannot_be_made_is_an_input_output_error_that_names_it()
    {
        string file = _bench.Write("file", "");
        CniAnswer answer = _bench.Run("ADD", _bench.Fixed().Replace(_bench.DataDir, file, StringComparison.Ordinal));
        answer.ErrorCode.Should().Be(5);
        answer.ErrorText.Should().Contain(file);
    }

    public void Dispose() => _bench.Dispose();

    private static string Json(JsonElement element) => element.GetRawText().Replace(",\"dns\":{}", "", StringComparison.Ordinal);
}
