using System.Text.Json;

namespace Twill.Cni.Tests;

public sealed class CniEnvironmentTests
{
    [Theory]
    [InlineData("ADD", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME")]
    [InlineData("CHECK", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME")]
    [InlineData("DEL", "CNI_CONTAINERID", "CNI_IFNAME")]
    [InlineData("GC", "CNI_PATH")]
    public void Every_missing_variable_is_named_in_one_error(string verb, params string[] needed)
    {
        JsonElement error = Calls.Refusal(Calls.Config("1.1.0"), [("CNI_COMMAND", verb)]);

        error.Code().Should().Be(4);
        error.Msg().Should().Be($"invalid environment variables: {string.Join(", ", needed)}");
        foreach (string name in needed)
        {
            error.Details().Should().Contain($"{name}: missing, {verb} needs it");
        }
    }

    [Fact]
    public void Status_needs_nothing_but_the_command() =>
        Calls.Run(Calls.Config("1.1.0"), [("CNI_COMMAND", "STATUS")]).ExitCode.Should().Be(0);

    [Fact]
    public void Gc_takes_attachment_variables_that_are_set_but_empty() =>
        Calls
            .Run(
                Calls.Config("1.1.0", """, "cni.dev/valid-attachments":[]"""),
                [
                    ("CNI_COMMAND", "GC"),
                    ("CNI_CONTAINERID", ""),
                    ("CNI_NETNS", ""),
                    ("CNI_IFNAME", ""),
                    ("CNI_ARGS", ""),
                    ("CNI_PATH", "/x"),
                ]
            )
            .ExitCode.Should()
            .Be(0);

    [Theory]
    [InlineData("")]
    [InlineData("relative/and gone")]
    [InlineData("/proc/4711/ns/net")]
    public void Del_does_not_mind_what_became_of_the_namespace(string netns)
    {
        CniRequest? seen = null;

        int exitCode = Calls
            .Run(Calls.Config("1.0.0"), Calls.Environment("DEL").With("CNI_NETNS", netns), Calls.AllVerbs(r => seen = r))
            .ExitCode;

        exitCode.Should().Be(0);
        seen!.NetnsPath.Should().Be(netns.Length == 0 ? null : netns);
    }

    [Fact]
    public void Wrong_and_missing_variables_are_named_together()
    {
        (string, string)[] environment = Calls
            .Environment("ADD")
            .With("CNI_CONTAINERID", "../../etc")
            .With("CNI_NETNS", null)
            .With("CNI_IFNAME", "eth%d");

        JsonElement error = Calls.Refusal(Calls.Config("1.0.0"), environment);

        error.Msg().Should().Be("invalid environment variables: CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME");
        error.Details().Should().Contain("'../../etc'").And.Contain("'eth%d'");
    }

    [Theory]
    [InlineData("CNI_NETNS", "netns/c1", "absolute path")]
    [InlineData("CNI_ARGS", "K8S_POD_NAME", "KEY=VALUE")]
    [InlineData("CNI_ARGS", "A=1;=2", "'=2'")]
    public void A_malformed_variable_is_refused_with_its_value(string name, string value, string expected)
    {
        JsonElement error = Calls.Refusal(Calls.Config("1.0.0"), Calls.Environment("ADD").With(name, value));

        error.Code().Should().Be(4);
        error.Msg().Should().Contain(name);
        error.Details().Should().Contain(expected).And.Contain(value);
    }

    [Fact]
    public void The_environment_is_judged_before_the_input()
    {
        JsonElement error = Calls.Refusal("not json", Calls.Environment("ADD").With("CNI_IFNAME", ""));

        error.Code().Should().Be(4);
    }

    [Theory]
    [InlineData("eth0", true)]
    [InlineData("a", true)]
    [InlineData("123456789012345", true)]
    [InlineData("ethé", true)]
    [InlineData("", false)]
    [InlineData("1234567890123456", false)]
    [InlineData("éééééééé", false)] // 8 characters, 16 bytes
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("...", true)]
    [InlineData("a/b", false)]
    [InlineData("a:0", false)]
    [InlineData("a b", false)]
    [InlineData("a\tb", false)]
    [InlineData("a\u00A0b", false)]
    [InlineData("a\u0001", false)]
    [InlineData("eth%d", false)]
    [InlineData("all", false)]
    [InlineData("default", false)]
    public void Interface_names_are_those_the_kernel_keeps_as_given(string name, bool good) =>
        (CniNames.InterfaceNameFault(name) is null).Should().Be(good);

    [Theory]
    [InlineData("a", true)]
    [InlineData("9", true)]
    [InlineData("cnitool-77383ca0a0715733ca6f", true)]
    [InlineData("A.b_c-d", true)]
    [InlineData("", false)]
    [InlineData("_a", false)]
    [InlineData(".a", false)]
    [InlineData("-a", false)]
    [InlineData("a/b", false)]
    [InlineData("a b", false)]
    [InlineData("a\n", false)]
    [InlineData("ä", false)]
    [InlineData("a\u0661", false)] // a digit, but not one of ASCII
    public void Container_ids_and_network_names_share_the_alphabet_of_the_specification(string name, bool good)
    {
        (CniNames.ContainerIdFault(name) is null).Should().Be(good);
        (CniNames.NetworkNameFault(name) is null).Should().Be(good);
    }

    [Fact]
    public void A_network_name_has_to_fit_into_a_file_name()
    {
        CniNames.NetworkNameFault(new string('a', 200)).Should().BeNull();
        CniNames.NetworkNameFault(new string('a', 201)).Should().Contain("at most 200");
    }

    [Theory]
    [InlineData("twill-ipam", true)]
    [InlineData("host-local", true)]
    [InlineData("", false)]
    [InlineData("..", false)]
    [InlineData("/bin/sh", false)]
    [InlineData("a\\b", false)]
    [InlineData("a\nb", false)]
    public void A_plugin_is_named_by_one_path_component(string name, bool good) =>
        (CniNames.PluginTypeFault(name) is null).Should().Be(good);
}
