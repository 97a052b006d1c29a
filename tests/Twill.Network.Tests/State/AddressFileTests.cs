using System.Net;
using Twill.Network.State;
using Twill.System;
using Twill.Testing;

namespace Twill.Network.Tests.State;

public sealed class AddressFileTests
{
    private const string Whole = "container: c1\ninterface: eth0\nboot: b\nnetns: /run/netns/c1\ninode: 4:4026532621\n";

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

    [Fact]
    public void A_file_that_is_no_whole_record_is_listed_without_an_owner()
    {
        using TempDir directory = TempDir.Create();
        Directory.CreateDirectory(directory.At("net"));
        File.WriteAllText(directory.At("net/10.0.0.1"), Whole);
        File.WriteAllText(directory.At("net/10.0.0.2"), Whole[..^1]);
        File.WriteAllText(directory.At("net/10.0.0.3"), new string(' ', AddressRecord.TooLarge));

        List<AddressFile> files = AddressFile.List(directory.Path, "net");

        files.Select(file => file.Record?.Owner.ContainerId).Should().Equal("c1", null, null);
    }

    [Fact]
    public void An_empty_file_of_before_this_boot_is_told_as_what_a_power_cut_leaves_and_holds_nothing()
    {
        using TempDir directory = TempDir.Create();
        Directory.CreateDirectory(directory.At("net"));
        DateTime before = DateTime.UtcNow.AddSeconds(-BootClock.Now - 60);
        foreach (string name in (string[])["10.0.0.1", "10.0.0.2", "10.0.0.3"])
        {
            File.WriteAllText(directory.At($"net/{name}"), name == "10.0.0.3" ? "torn" : "");
        }

        File.SetLastWriteTimeUtc(directory.At("net/10.0.0.1"), before);
        File.SetLastWriteTimeUtc(directory.At("net/10.0.0.3"), before);

        AddressFile.List(directory.Path, "net")
            .Select(file => file.WhyGone(new NetnsLiveness()))
            .Should()
            .Equal(
                "its file is empty, as a power cut leaves what was written seconds before",
                "the file is damaged",
                "the file is damaged"
            );
        AddressRecords
            .InUse(directory.Path, "net", [IPNetwork.Parse("10.0.0.0/24")], BootClock.BootId)
            .Select(address => address.ToString())
            .Should()
            .Equal("10.0.0.2", "10.0.0.3");
    }
}
