using System.Net;
using Twill.Network.State;
using Twill.Testing;

namespace Twill.Network.Tests.State;

public sealed class AddressFileTests
{
    private const string Whole = "container: c1\ninterface: eth0\nboot: b\nnetns: /run/netns/c1\ninode: 4:4026532621\n";

    [Fact]
    public void A_record_is_read_as_twill_ipam_writes_it() =>
        AddressFile
            .Parse(IPAddress.Loopback, Whole)
            .Should()
            .Be(new AddressFile(IPAddress.Loopback, "c1", "eth0", "b", "/run/netns/c1", "4:4026532621"));

    [Fact]
    public void A_record_of_an_attachment_with_an_address_of_each_family_is_read_as_well()
    {
        AddressFile.Parse(IPAddress.Loopback, $"{Whole}addresses: 127.0.0.1 ::1\n").ContainerId.Should().Be("c1");
        AddressFile.Parse(IPAddress.Loopback, $"{Whole}addresses: 127.0.0.1 ::1").ContainerId.Should().BeNull("its end is missing");
        AddressFile.Parse(IPAddress.Loopback, $"{Whole}other: 1\n").ContainerId.Should().BeNull();
    }

    [Fact]
    public void A_record_cut_short_anywhere_is_no_record()
    {
        for (int length = 0; length < Whole.Length; length++)
        {
            AddressFile.Parse(IPAddress.Loopback, Whole[..length]).ContainerId.Should().BeNull();
        }
    }

    [Fact]
    public void Only_files_named_by_an_address_are_records_and_they_come_in_order()
    {
        using TempDir directory = TempDir.Create();
        Directory.CreateDirectory(directory.At("net/attachments"));
        foreach (string name in (string[])["fd00::2", "10.0.0.10", "10.0.0.9", "last", "lock", "vtep-mac", "10.0.0", "010.0.0.1"])
        {
            File.WriteAllText(directory.At($"net/{name}"), Whole);
        }

        AddressFile
            .List(directory.Path, "net")
            .Select(record => record.Address.ToString())
            .Should()
            .Equal("10.0.0.9", "10.0.0.10", "fd00::2");
        AddressFile.List(directory.Path, "other").Should().BeEmpty();
    }
}
