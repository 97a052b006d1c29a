using Twill.Testing;

namespace Twill.EndToEnd.Tests.Tools;

public sealed class LabTests
{
    [RequiresRootFact]
    public void Hosts_reach_each_other_etcd_and_the_outside()
    {
        using Lab lab = Lab.Create();
        EtcdServer etcd = lab.StartEtcd();
        LabHost a = lab.AddHost("a"),
            b = lab.AddHost("b");

        a.CanPing(b.Address).Should().BeTrue();
        a.CanPing(Lab.OutsideAddress).Should().BeTrue();
        a.Run("etcdctl", "--endpoints", etcd.Endpoint, "get", "x").ExitCode.Should().Be(0);
        lab.SetCable(a, plugged: false);
        a.CanPing(b.Address).Should().BeFalse();
    }

    [RequiresRootFact]
    public void Hosts_keep_their_files_and_container_namespaces_to_themselves()
    {
        using Lab lab = Lab.Create();
        LabHost a = lab.AddHost("a"),
            b = lab.AddHost("b");
        a.NewContainer("c1");
        a.Write("/etc/cni/net.d/x", "of a");

        b.Run("test", "-e", "/run/netns/c1").ExitCode.Should().Be(1);
        b.Sh("ls /etc/cni/net.d").Should().BeEmpty();
        a.Sh("cat /etc/cni/net.d/x").Should().Be("of a");
        File.Exists("/run/netns/c1").Should().BeFalse();
        File.Exists("/etc/cni/net.d/x").Should().BeFalse();
        a.Sh("ls /opt/cni/bin").Should().Contain("twill-ipam");
    }

    [RequiresRootFact]
    public void Disposing_ends_every_process_of_the_lab()
    {
        int host,
            outside;
        using (Lab lab = Lab.Create())
        {
            (host, outside) = (lab.AddHost("a").Pid, lab.Outside.Pid);
        }

        Directory.Exists($"/proc/{host}").Should().BeFalse();
        Directory.Exists($"/proc/{outside}").Should().BeFalse();
    }
}
