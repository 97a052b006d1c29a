using System.Net;
using Twill.Cni;
using Twill.Ipam.Addresses;
using Twill.Network.State;
using Twill.System;
using Twill.Testing;

namespace Twill.Ipam.Tests.Addresses;

public sealed class AddressStoreTests : IDisposable
{
    private static readonly IPAddress s_address = IPAddress.Parse("10.1.2.5");
    private readonly TempDir _temp = TempDir.Create();
    private readonly AddressStore _store;

    public AddressStoreTests() => _store = AddressStore.Open(_temp.At("data"), "net");

    [Fact]
    public void A_claim_is_one_readable_file_and_one_link()
    {
        _store.TryClaim([s_address], Record("c1")).Should().BeNull();
        File.ReadAllText(At("10.1.2.5")).Should().StartWith("container: c1\ninterface: eth0\n");
        File.ResolveLinkTarget(At("attachments/c1:eth0"), true)!.FullName.Should().Be(At("10.1.2.5"));
        Files().Should().BeEquivalentTo("10.1.2.5", "attachments/c1:eth0");
    }

    [Fact]
    public void A_taken_address_is_not_claimed_again_and_its_record_stays_as_it_is()
    {
        _store.TryClaim([s_address], Record("c1"));
        string before = File.ReadAllText(At("10.1.2.5"));
        _store.TryClaim([s_address], Record("c2")).Should().Be(s_address);
        File.ReadAllText(At("10.1.2.5")).Should().Be(before);
        _store.Hint(new CniAttachment("c2", "eth0")).Should().BeNull();
    }

    [Fact]
    public void Hint_and_record_lead_from_the_attachment_to_its_address()
    {
        _store.TryClaim([s_address], Record("c1"));
        _store.Hint(new CniAttachment("c1", "eth0")).Should().Be(s_address);
        _store.Hint(new CniAttachment("c1", "eth1")).Should().BeNull();
        _store.Read(s_address, out bool found).Should().Be(Record("c1"));
        found.Should().BeTrue();
    }

    [Fact]
    public void A_release_leaves_no_file_and_twice_is_fine()
    {
        _store.TryClaim([s_address], Record("c1"));
        _store.Release(s_address, Record("c1"));
        _store.Release(s_address, Record("c1"));
        Files().Should().BeEmpty();
    }

    [Fact]
    public void A_release_keeps_a_link_that_leads_to_another_address()
    {
        _store.TryClaim([s_address], Record("c1"));
        _store.Release(IPAddress.Parse("10.1.2.6"), Record("c1"));
        _store.Hint(new CniAttachment("c1", "eth0")).Should().Be(s_address);
    }

    [Fact]
    public void A_leftover_of_a_killed_writer_neither_disturbs_nor_changes_a_record()
    {
        _store.TryClaim([s_address], Record("c1"));
        Cmd.Sh($"ln {At("10.1.2.5")} {At("new")}"); // killed after link(2), before the temporary name was removed
        _store.TryClaim([IPAddress.Parse("10.1.2.6")], Record("c2")).Should().BeNull();
        _store.Read(s_address, out _).Should().Be(Record("c1"));
        Files().Should().BeEquivalentTo("10.1.2.5", "10.1.2.6", "attachments/c1:eth0", "attachments/c2:eth0");
    }

    [Fact]
    public void A_stale_link_gives_way_to_a_new_claim()
    {
        Cmd.Sh($"ln -s ../10.1.2.9 {At("attachments/c1:eth0")}");
        _store.TryClaim([s_address], Record("c1")).Should().BeNull();
        _store.Hint(new CniAttachment("c1", "eth0")).Should().Be(s_address);
    }

    [Theory]
    [InlineData("printf '' > F")]
    [InlineData("printf 'container: c1\\ninterf' > F")]
    [InlineData("head -c 100000 /dev/zero > F")]
    [InlineData("mkdir F")]
    [InlineData("mkfifo F")]
    [InlineData("ln -s /etc/passwd F")]
    public void A_foreign_file_is_seen_but_never_trusted(string make)
    {
        Cmd.Sh(make.Replace("F", At("10.1.2.5"), StringComparison.Ordinal));
        _store.Read(s_address, out bool found).Should().BeNull();
        found.Should().BeTrue();
        _store.Exists(s_address).Should().BeTrue();
        _store.TryClaim([s_address], Record("c1")).Should().Be(s_address);
    }

    [Fact]
    public void An_absent_record_is_not_found()
    {
        _store.Read(s_address, out bool found).Should().BeNull();
        found.Should().BeFalse();
        _store.Exists(s_address).Should().BeFalse();
    }

    [Fact]
    public void The_list_holds_addresses_and_nothing_else()
    {
        _store.TryClaim([s_address], Record("c1"));
        _store.Last = [s_address];
        using (_store.Lock()) { }
        foreach (string name in new[] { "vtep-mac", "10", "10.1.2.05", "10.1.2.6.tmp", "0x0a010207" })
        {
            _temp.Write($"data/net/{name}", "");
        }

        _store.List().Should().Equal(s_address);
    }

    [Fact]
    public void The_cursor_is_remembered_and_nonsense_in_it_means_none()
    {
        _store.Last.Should().BeEmpty();
        _store.Last = [s_address];
        _store.Last.Should().Equal(s_address);
        File.ReadAllText(At("last")).Should().Be("10.1.2.5\n");
        foreach (string torn in new[] { "", "10.1", "\0\0\0\0", "word\n" })
        {
            File.WriteAllText(At("last"), torn);
            _store.Last.Should().BeEmpty($"'{torn}' is no address");
        }
    }

    [Theory]
    [InlineData("ln -s ../../victim last")]
    [InlineData("mkfifo last")]
    public void What_stands_in_the_cursors_place_makes_way_and_is_not_followed(string make)
    {
        string victim = _temp.Write("victim", "precious");
        Cmd.Sh($"cd {At("")}; {make}");

        _store.Last.Should().BeEmpty();
        _store.Last = [s_address];

        File.ReadAllText(At("last")).Should().Be("10.1.2.5\n");
        File.ReadAllText(victim).Should().Be("precious");
    }

    [Fact]
    public void Directories_are_for_root_only()
    {
        foreach (string path in new[] { _temp.At("data"), At("."), At("attachments") })
        {
            Cmd.Sh($"stat -c %a {path}").Trim().Should().Be("700");
        }
    }

    [Fact]
    public void A_network_directory_without_attachments_is_completed()
    {
        Directory.CreateDirectory(_temp.At("data/other"));
        using AddressStore other = AddressStore.Open(_temp.At("data"), "other");
        other.TryClaim([s_address], Record("c1")).Should().BeNull();
    }

    [Fact]
    public void Nothing_is_made_where_nothing_was_handed_out()
    {
        AddressStore.OpenExisting(_temp.At("elsewhere"), "net").Should().BeNull();
        Directory.Exists(_temp.At("elsewhere")).Should().BeFalse();
    }

    [Fact]
    public void Sweeping_removes_links_without_record_and_keeps_the_others()
    {
        _store.TryClaim([s_address], Record("c1"));
        Cmd.Sh($"cd {At("attachments")} && ln -s ../10.1.2.9 gone:eth0 && ln -s ../10.1.2.5 wrong:eth0");
        _store.SweepHints();
        Files().Should().BeEquivalentTo("10.1.2.5", "attachments/c1:eth0");
    }

    [Fact]
    public async Task The_lock_keeps_others_out_until_it_is_released()
    {
        FileLock held = _store.Lock();
        Task<FileLock> second = Task.Run(_store.Lock);
        Eventually.True("the second has opened the file", () => TimesOpen(At("lock")) == 2);
        FileLock.TryAcquire(At("lock"), TimeSpan.FromMilliseconds(1)).Should().BeNull("it tries to lock it, in vain as this does");
        second.IsCompleted.Should().BeFalse();
        held.Dispose();
        (await second.WaitAsync(TimeSpan.FromSeconds(20))).Dispose();
    }

    [Fact]
    public void A_failing_file_operation_names_the_file_and_the_reason()
    {
        File.WriteAllText(_temp.At("file"), "");
        FluentActions
            .Invoking(() => AddressStore.Open(_temp.At("file"), "net"))
            .Should()
            .Throw<IOException>()
            .WithMessage($"*{_temp.At("file")}/net*Not a directory*");
        Directory.CreateDirectory(At("last"));
        FluentActions
            .Invoking(() => _store.Last = [IPAddress.Parse("10.1.2.5")])
            .Should()
            .Throw<IOException>()
            .WithMessage($"*{At("last")}: Is a directory*");
    }

    public void Dispose()
    {
        _store.Dispose();
        _temp.Dispose();
    }

    /// <summary>How many descriptors of this process are a file's.</summary>
    private static int TimesOpen(string path) => Directory.GetFiles("/proc/self/fd").Count(descriptor => TargetOf(descriptor) == path);

    private static string? TargetOf(string descriptor)
    {
        try
        {
            return File.ResolveLinkTarget(descriptor, false)?.FullName;
        }
        catch (FileNotFoundException)
        {
            return null; // another test closed it just now
        }
    }

    private static AddressRecord Record(string container) =>
        new(new CniAttachment(container, "eth0"), "boot-1", "/run/netns/x", new NetnsIdentity(4, 4026532621));

    private string At(string name) => _temp.At(name == "." ? "data/net" : $"data/net/{name}");

    private IEnumerable<string> Files() =>
        Directory.EnumerateFiles(At("."), "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(At("."), f));
}
