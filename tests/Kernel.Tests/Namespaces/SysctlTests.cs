using Twill.Linux;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Namespaces;

public sealed class SysctlTests
{
    [RequiresRootFact]
    public void A_parameter_is_written_in_the_namespace_and_nowhere_else()
    {
        string here = Sysctl.Read("net/ipv4/conf/lo/forwarding");
        using TestNetns ns = TestNetns.Create();
        using NetNs opened = NetNs.Open(ns.Path);
        string wanted = ns.Sh("cat /proc/sys/net/ipv4/conf/lo/forwarding").Trim() == "1" ? "0" : "1";

        opened.Run(() => Sysctl.Write("net/ipv4/conf/lo/forwarding", wanted));

        ns.Sh("cat /proc/sys/net/ipv4/conf/lo/forwarding").Trim().Should().Be(wanted);
        Sysctl.Read("net/ipv4/conf/lo/forwarding").Should().Be(here);
    }

    [RequiresRootFact]
    public void Ensure_writes_only_what_differs()
    {
        using TestNetns ns = TestNetns.Create();
        using NetNs opened = NetNs.Open(ns.Path);
        ns.Sh("echo 0 > /proc/sys/net/ipv4/ip_forward");

        opened.Run(() => Sysctl.Ensure("net/ipv4/ip_forward", "1")).Should().BeTrue();
        opened.Run(() => Sysctl.Ensure("net/ipv4/ip_forward", "1")).Should().BeFalse();

        ns.Sh("cat /proc/sys/net/ipv4/ip_forward").Trim().Should().Be("1");
    }

    [RequiresRootFact]
    public void An_interface_with_dots_in_its_name_is_named_without_quoting()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Ip("link add twill.1 type bridge");
        using NetNs opened = NetNs.Open(ns.Path);

        opened.Run(() => Sysctl.Write("net/ipv6/conf/twill.1/accept_ra", "0"));

        ns.Sh("cat /proc/sys/net/ipv6/conf/twill.1/accept_ra").Trim().Should().Be("0");
    }

    [RequiresRootFact]
    public void What_is_not_there_or_not_taken_is_refused_by_name()
    {
        using TestNetns ns = TestNetns.Create();
        using NetNs opened = NetNs.Open(ns.Path);

        Action missing = () => Sysctl.Read("net/ipv4/nosuch");
        Action value = () => opened.Run(() => Sysctl.Write("net/ipv4/ip_forward", "maybe"));

        missing.Should().Throw<LibcException>().WithMessage("open /proc/sys/net/ipv4/nosuch: No such file or directory (errno 2)");
        value.Should().Throw<LibcException>().WithMessage("write maybe to /proc/sys/net/ipv4/ip_forward: Invalid argument (errno 22)");
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("/net/ipv4/ip_forward")]
    [InlineData("net//ip_forward")]
    [InlineData("net/./ip_forward")]
    [InlineData("")]
    public void A_name_cannot_leave_proc_sys(string name)
    {
        Action read = () => Sysctl.Read(name);

        read.Should().Throw<ArgumentException>().WithMessage($"*not '{name}'*");
    }
}
