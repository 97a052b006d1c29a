using System.Net;
using Twill.Cni;
using Twill.Network.State;
using Twill.System;

namespace Twill.Network.Tests.State;

public sealed class AddressRecordTests
{
    private static readonly AddressRecord s_record = new(
        new CniAttachment("4f2c", "eth0"),
        "6f9b3c1e-aaaa",
        "/run/netns/cni-1",
        new NetnsIdentity(4, 4026532621)
    );

    private const string Text = "container: 4f2c\ninterface: eth0\nboot: 6f9b3c1e-aaaa\nnetns: /run/netns/cni-1\ninode: 4:4026532621\n";

    [Fact]
    public void A_record_is_one_fact_per_line()
    {
        s_record.Format().Should().Be(Text);
    }

    [Fact]
    public void What_was_written_is_read_back()
    {
        AddressRecord.TryParse(Text, out AddressRecord? record).Should().BeTrue();
        record.Should().Be(s_record);
    }

    [Fact]
    public void A_namespace_that_could_not_be_looked_at_is_written_as_a_dash()
    {
        AddressRecord unseen = s_record with { Identity = null };
        unseen.Format().Should().EndWith("inode: -\n");
        AddressRecord.TryParse(unseen.Format(), out AddressRecord? record).Should().BeTrue();
        record.Should().Be(unseen);
    }

    [Fact]
    public void Cut_short_anywhere_it_is_no_record()
    {
        for (int length = 0; length < Text.Length; length++)
        {
            AddressRecord.TryParse(Text.AsSpan(0, length), out _).Should().BeFalse($"only {length} of {Text.Length} characters are there");
        }
    }

    [Theory]
    [InlineData("4f2c\neth0\n")] // another plugin's record
    [InlineData("container: \ninterface: eth0\nboot: 1\nnetns: /x\ninode: 1:2\n")]
    [InlineData("container: a\ninterface: eth0\nboot: 1\nnetns: /x\ninode: 12\n")]
    [InlineData("container: a\ninterface: eth0\nboot: 1\nnetns: /x\ninode: 1:-2\n")]
    [InlineData("container: a\ninterface: eth0\nboot: 1\nnetns: /x\ninode: 1:2\nmore\n")]
    [InlineData("interface: eth0\ncontainer: a\nboot: 1\nnetns: /x\ninode: 1:2\n")]
    [InlineData("\0\0\0\0\0\0\0\0")]
    public void Anything_else_is_no_record(string text)
    {
        AddressRecord.TryParse(text, out _).Should().BeFalse();
    }

    [Fact]
    public void Attachments_with_names_too_long_for_a_file_keep_names_of_their_own()
    {
        string a = new CniAttachment(new string('a', 300) + "1", "eth0").FileName(),
            b = new CniAttachment(new string('a', 300) + "2", "eth0").FileName();
        a.Length.Should().BeLessThanOrEqualTo(255);
        b.Length.Should().BeLessThanOrEqualTo(255);
        a.Should().NotBe(b);
        new CniAttachment("4f2c", "eth0").FileName().Should().Be("4f2c:eth0");
    }

    [Fact]
    public void Addresses_of_both_families_are_in_a_line_more()
    {
        AddressRecord both = s_record.Of([IPAddress.Parse("10.0.0.2"), IPAddress.Parse("fd00::2")]);

        both.Format().Should().Be($"{Text}addresses: 10.0.0.2 fd00::2\n");
        AddressRecord.TryParse(both.Format(), out AddressRecord? record).Should().BeTrue();
        record.Should().Be(both);
        record!.All(IPAddress.Parse("fd00::2")).Select(address => address.ToString()).Should().Equal("10.0.0.2", "fd00::2");
        AddressRecord.TryParse($"{Text}addresses: 10.0.0.2 fd00::2", out _).Should().BeFalse("its end is missing");
        AddressRecord.TryParse($"{Text}other: 1\n", out _).Should().BeFalse();
    }

    [Fact]
    public void A_container_is_gone_only_for_certain()
    {
        NetnsLiveness namespaces = new();
        NetnsIdentity unused = new(4, 1),
            ours = NetnsIdentity.OfPath("/proc/self/ns/net")!.Value;
        AddressRecord record = new(new CniAttachment("c1", "eth0"), BootClock.BootId, "/proc/0/ns/net", unused);

        record.WhyGone(BootClock.BootId, namespaces).Should().Be("its network namespace /proc/0/ns/net is gone");
        (record with { Identity = ours }).WhyGone(BootClock.BootId, namespaces).Should().BeNull("a process is still in it");
        (record with { Identity = null }).WhyGone(BootClock.BootId, namespaces).Should().BeNull("nobody knows which it was");
        (record with { Netns = "/no/such/directory/c1" })
            .WhyGone(BootClock.BootId, namespaces)
            .Should()
            .BeNull("the directory may just be out of sight");
        (record with { BootId = "earlier", Identity = ours }).WhyGone(BootClock.BootId, namespaces).Should().Be("it is of an earlier boot");
        new AddressFile(IPAddress.Loopback, null).WhyGone(namespaces).Should().Be("the file is damaged");
    }
}
