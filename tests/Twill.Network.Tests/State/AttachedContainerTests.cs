using Twill.Cni;
using Twill.Network.State;
using Twill.System;
using Twill.Testing;

namespace Twill.Network.Tests.State;

/// <summary>What `twill attach` has attached is on record, for detach, GC and the agent.</summary>
public sealed class AttachedContainerTests : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();

    private NetworkStateDir State => new StateDir(_directory.Path).Network("pods");

    private static AttachedContainer Container { get; } =
        new()
        {
            Network = "pods",
            Attachment = new CniAttachment("4f2c.a_b-c", "eth1"),
            Runtime = "docker",
            Name = "web",
            Netns = "/proc/7/ns/net",
            Identity = new NetnsIdentity(4, 4026532621) { Cookie = 7 },
            BootId = "boot",
            Config = """{"name":"pods","plugins":[{"type":"twill"}]}""",
            PluginDirs = ["/opt/cni/bin"],
            Names = ["web"],
            Addresses = ["10.244.7.5"],
        };

    [Fact]
    public void A_record_is_read_as_it_was_written_with_and_without_a_result()
    {
        foreach (
            AttachedContainer one in new[] { Container, Container with { Result = """{"ips":[]}""", HostEnd = "tw0123456789ab" } }
        )
        {
            one.Write(State);

            List<string> problems = [];
            AttachedContainer.List(State, problems).Should().ContainSingle().Which.Should().BeEquivalentTo(one);
            problems.Should().BeEmpty();
        }

        Container.Delete(State);
        Container.Delete(State);
        AttachedContainer.Attachments(State).Should().BeEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"network":"others"}""")]
    public void A_damaged_record_is_told_and_its_attachment_spared(string content)
    {
        Container.Write(State);
        string file = Directory.GetFiles(State.AttachedPath).Single();
        File.WriteAllText(file, content);

        List<string> problems = [];
        AttachedContainer.List(State, problems).Should().BeEmpty();
        problems.Should().ContainSingle().Which.Should().StartWith(file);
        AttachedContainer.Attachments(State).Should().Equal(Container.Attachment);
    }

    [Fact]
    public void Nothing_is_attached_where_no_directory_is() =>
        AttachedContainer.Attachments(new StateDir(_directory.Path).Existing("none")).Should().BeEmpty();

    public void Dispose() => _directory.Dispose();
}
