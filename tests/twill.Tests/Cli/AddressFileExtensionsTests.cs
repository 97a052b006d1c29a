using System.Net;
using Twill.Network.State;
using Twill.Plugin.Cli;
using Twill.System;

namespace Twill.Plugin.Tests.Cli;

public sealed class AddressFileExtensionsTests
{
    [Fact]
    public void A_container_is_gone_only_for_certain()
    {
        AddressFile record = new(IPAddress.Loopback, "c1", "eth0", BootClock.BootId, "/proc/0/ns/net", "4:4026532621");
        record.GoneBecause([]).Should().Be("its network namespace /proc/0/ns/net is gone");
        record.GoneBecause(["net:[4026532621]"]).Should().BeNull("a process is still in it");
        (record with { Inode = "-" }).GoneBecause([]).Should().BeNull("nobody knows which it was");
        (record with { Netns = "/no/such/directory/c1" }).GoneBecause([]).Should().BeNull("the directory may just be out of sight");
        (record with { BootId = "earlier" }).GoneBecause([]).Should().Be("it is of an earlier boot");
        AddressFile.Parse(IPAddress.Loopback, "junk").GoneBecause([]).Should().Be("the file is damaged");
    }
}
