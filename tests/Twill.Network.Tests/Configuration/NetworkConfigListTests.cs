using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Testing;

namespace Twill.Network.Tests.Configuration;

public sealed class NetworkConfigListTests : IDisposable
{
    private const string Ipam =
        """ "ipam":{"type":"twill-ipam","network":"10.244.0.0/16","etcd":{"endpoints":["http://127.0.0.1:2379"]}} """;

    private readonly TempDir _dir = TempDir.Create();

    public void Dispose() => _dir.Dispose();

    [Fact]
    public void Networks_of_ours_are_found_among_those_of_others()
    {
        _dir.Write("10-a.conflist", $$"""{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"twill",{{Ipam}}},{"type":"portmap"}]}""");
        _dir.Write("20-b.conf", $$"""{"cniVersion":"0.3.1","name":"b","type":"bridge",{{Ipam}}}""");
        _dir.Write("30-c.json", """{"cniVersion":"0.3.1","name":"c","type":"bridge","ipam":{"type":"host-local"}}""");
        _dir.Write("40-d.conflist", """{"cniVersion":"9.9.9","name":"d","plugins":[{"type":"calico"}]}""");
        _dir.Write("50-e.conf.bak", "{");

        NetworkConfigList list = NetworkConfigList.Load(_dir.Path, BackendTable.All);

        list.Problems.Should().BeEmpty();
        list.Networks.Select(n =>
                (Path.GetFileName(n.File), n.Conf.Name, n.Conf.Type, n.Conf.CniVersion.ToString(), n.Conf.Ipam.Etcd!.Prefix)
            )
            .Should()
            .Equal(("10-a.conflist", "a", "twill", "1.0.0", "/twill/a"), ("20-b.conf", "b", "bridge", "0.3.1", "/twill/b"));
    }

    [Fact]
    public void A_broken_file_is_a_problem_and_hides_no_other()
    {
        string torn = _dir.Write("10-torn.conflist", """{"name":"x","plugins":[{"type":"twill" """);
        string wrong = _dir.Write("20-wrong.conf", """{"name":"x","type":"twill","ipam":{"type":"twill-ipam","subnet":"10.1.0.1/24"}}""");
        _dir.Write("30-good.conf", """{"name":"x","type":"twill","ipam":{"type":"twill-ipam","subnet":"10.1.0.0/24"}}""");

        NetworkConfigList list = NetworkConfigList.Load(_dir.Path, BackendTable.All);

        list.Networks.Should().ContainSingle().Which.Conf.Name.Should().Be("x");
        list.Problems.Should().HaveCount(2);
        list.Problems[0].Should().StartWith($"{torn}: not valid JSON");
        list.Problems[1].Should().StartWith($"{wrong}: invalid network configuration; $.ipam.subnet: expected a prefix with no bits set");
    }

    [Fact]
    public void The_first_of_two_files_with_one_name_counts()
    {
        string first = _dir.Write("10.conf", """{"name":"x","type":"twill","ipam":{"type":"twill-ipam","subnet":"10.1.0.0/24"}}""");
        _dir.Write("20.conf", """{"name":"x","type":"twill","ipam":{"type":"twill-ipam","subnet":"10.2.0.0/24"}}""");

        NetworkConfigList list = NetworkConfigList.Load(_dir.Path, BackendTable.All);

        list.Networks.Should().ContainSingle().Which.File.Should().Be(first);
        list.Problems.Should().ContainSingle().Which.Should().Contain("'x' is configured by").And.Contain(first);
    }

    [Fact]
    public void One_file_can_be_named_itself()
    {
        string file = _dir.Write("any.name", """{"name":"x","type":"twill","ipam":{"type":"twill-ipam","subnet":"10.1.0.0/24"}}""");

        NetworkConfigList.Load(file, BackendTable.All).Networks.Should().ContainSingle();
    }

    [Fact]
    public void What_is_not_there_is_a_problem() =>
        NetworkConfigList
            .Load(_dir.At("missing"), BackendTable.All)
            .Problems.Should()
            .ContainSingle()
            .Which.Should()
            .StartWith(_dir.At("missing"));

    [Theory]
    [InlineData("""  "cniVersions":["0.4.0","1.0.0","7.0.0"],"cniVersion":"0.3.1" """, "1.0.0")]
    [InlineData("""  "cniVersions":["0.4.0"],"cniVersion":"1.1.0" """, "1.1.0")]
    [InlineData("""  "cniVersion":"0.4.0" """, "0.4.0")]
    public void The_version_is_the_one_a_runtime_would_choose(string versions, string chosen)
    {
        _dir.Write("a.conflist", $$"""{ {{versions}},"name":"a","plugins":[{"type":"twill",{{Ipam}}}]}""");

        NetworkConfigList
            .Load(_dir.Path, BackendTable.All)
            .Networks.Should()
            .ContainSingle()
            .Which.Conf.CniVersion.ToString()
            .Should()
            .Be(chosen);
    }

    [Fact]
    public void A_plugin_in_a_file_of_its_own_belongs_to_the_list_of_that_name()
    {
        _dir.Write("a.conflist", """{"cniVersion":"1.1.0","name":"blue"}""");
        _dir.Write("blue/10-twill.conf", $$"""{"type":"twill",{{Ipam}}}""");

        NetworkConfigList
            .Load(_dir.Path, BackendTable.All)
            .Networks.Should()
            .ContainSingle()
            .Which.Conf.Ipam.Etcd!.Prefix.Should()
            .Be("/twill/blue");

        _dir.Write("a.conflist", """{"cniVersion":"1.1.0","name":"blue","loadOnlyInlinedPlugins":true}""");

        NetworkConfigList.Load(_dir.Path, BackendTable.All).Networks.Should().BeEmpty();
    }

    /// <summary>libcni 1.3 refuses it, with or without plugins beside the list; containers that were attached before keep their
    /// agent.</summary>
    [Fact]
    public void An_empty_list_of_plugins_which_no_runtime_takes_is_told_and_its_network_is_not_given_up()
    {
        string file = _dir.Write("a.conflist", """{"cniVersion":"1.1.0","name":"blue","plugins":[]}""");
        _dir.Write("blue/10-twill.conf", $$"""{"type":"twill",{{Ipam}}}""");

        NetworkConfigList list = NetworkConfigList.Load(_dir.Path, BackendTable.All);

        list.Networks.Should().ContainSingle().Which.Conf.Name.Should().Be("blue");
        list.Problems.Should().ContainSingle().Which.Should().StartWith($"{file}: $.plugins: expected at least one plugin, got []");
    }

    [Theory]
    [InlineData("bandwidth", "bandwidth", 1)]
    [InlineData("portmap", "portMappings", 1)]
    [InlineData("portmap", "snat", 0)]
    public void A_capability_that_a_runtime_would_give_to_two_plugins_is_told(string type, string capability, int problems)
    {
        _dir.Write(
            "a.conflist",
            $$"""
            {"cniVersion":"1.0.0","name":"a","plugins":[
              {"type":"twill","capabilities":{"bandwidth":true,"portMappings":true},{{Ipam}} },
              {"type":"{{type}}","capabilities":{"{{capability}}":true} }]}
            """
        );

        NetworkConfigList list = NetworkConfigList.Load(_dir.Path, BackendTable.All);

        list.Networks.Should().ContainSingle("what runs goes on");
        list.Problems.Should().HaveCount(problems);
        list.Problems.Where(problem => !problem.Contains($"'{type}' both have the capability '{capability}'")).Should().BeEmpty();
    }

    [Fact]
    public void A_file_that_is_neither_a_list_nor_a_plugin_is_nobodys_network()
    {
        _dir.Write("a.json", "{}");
        _dir.Write("b.json", "[]");
        _dir.Write("c.json", """{"name":"c"}""");

        NetworkConfigList.Load(_dir.Path, BackendTable.All).Networks.Should().BeEmpty();
    }

    /// <summary>As a Kubernetes volume does it, or a package manager: times and sizes may stay as they were.</summary>
    [Theory]
    [InlineData("link")]
    [InlineData("directory link")]
    [InlineData("separate plugin")]
    public void What_is_read_changes_with_what_a_link_leads_to(string what)
    {
        string[] versions = ["first", "other"];
        foreach (string version in versions)
        {
            string conf = $$"""{"cniVersion":"1.1.0","name":"blue","type":"twill","bridge":"{{version}}",{{Ipam}}}""";
            File.SetLastWriteTimeUtc(_dir.Write($"{version}/10.conf", conf), DateTime.UnixEpoch);
        }

        string directory = Directory.CreateDirectory(_dir.At("net.d")).FullName;
        string link = Path.Combine(directory, what == "link" ? "10.conf" : what == "directory link" ? "data" : "blue");
        switch (what)
        {
            case "directory link":
                File.CreateSymbolicLink(Path.Combine(directory, "10.conf"), "data/10.conf");
                break;
            case "separate plugin":
                File.WriteAllText(Path.Combine(directory, "10.conflist"), """{"cniVersion":"1.1.0","name":"blue"}""");
                break;
        }

        List<FoundNetwork> seen = [];
        foreach (string version in versions)
        {
            File.Delete(link);
            File.CreateSymbolicLink(link, _dir.At(what == "link" ? $"{version}/10.conf" : version));
            NetworkConfigList list = NetworkConfigList.Load(directory, BackendTable.All);
            NetworkConfigList.Load(directory, BackendTable.All).Content.Should().Be(list.Content, "nothing changed");
            seen.Add(list.Networks.Should().ContainSingle().Subject);
        }

        seen.Select(network => network.Conf.Bridge).Should().Equal(versions);
        seen[0].Content.Should().NotBe(seen[1].Content);
    }

    [Fact]
    public void Two_plugins_of_ours_in_one_network_are_a_problem()
    {
        _dir.Write(
            "a.conflist",
            $$"""{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"twill",{{Ipam}}},{"type":"bridge",{{Ipam}}}]}"""
        );

        NetworkConfigList list = NetworkConfigList.Load(_dir.Path, BackendTable.All);

        list.Networks.Should().BeEmpty();
        list.Problems.Should().ContainSingle().Which.Should().Contain("$.plugins: expected one plugin of twill's in a network, got 2");
    }

    public static TheoryData<string> Samples => new(Directory.GetFiles(RepoPaths.Conf, "*.conflist").Select(Path.GetFileName).ToArray()!);

    [Theory, MemberData(nameof(Samples))]
    public void The_samples_of_this_repository_are_good(string name)
    {
        NetworkConfigList list = NetworkConfigList.Load(Path.Combine(RepoPaths.Conf, name), BackendTable.All);

        list.Problems.Should().BeEmpty();
        list.Networks.Should().ContainSingle();
    }
}
