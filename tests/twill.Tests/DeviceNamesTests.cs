using System.Net.Sockets;
using Twill.Host.Backends;
using Twill.Network;

namespace Twill.Plugin.Tests;

public sealed class DeviceNamesTests
{
    [Theory]
    [InlineData(1, AddressFamily.InterNetwork, "twill.1")]
    [InlineData(1, AddressFamily.InterNetworkV6, "twill-v6.1")]
    [InlineData(999_999, AddressFamily.InterNetworkV6, "twill-v6.999999")]
    [InlineData(1_000_000, AddressFamily.InterNetworkV6, "twill6.1000000")]
    [InlineData(16_777_215, AddressFamily.InterNetwork, "twill.16777215")]
    [InlineData(16_777_215, AddressFamily.InterNetworkV6, "twill6.16777215")]
    public void An_overlay_device_has_one_name_for_all_who_ask_and_the_kernel_takes_it(int vni, AddressFamily outer, string name)
    {
        DeviceNames.VxlanDevice(vni, outer).Should().Be(name);
        new VxlanBackend((uint)vni, 4789, false).DeviceNameOver(outer).Should().Be(name);
        name.Length.Should().BeLessThanOrEqualTo(15, "IFNAMSIZ is 16, with the zero at the end");
    }
}
