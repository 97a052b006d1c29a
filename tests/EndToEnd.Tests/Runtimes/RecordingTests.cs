using Twill.EndToEnd.Tests.Capabilities;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>
/// What runtimes send to a plugin is still what tests/twill.Tests/recorded holds, which other tests take for input. With TWILL_RECORD=yes
/// in the environment the recordings are written anew.
/// </summary>
public sealed class RecordingTests
{
    [RequiresRootFact]
    public void Containerd_sends_what_was_recorded()
    {
        using SingleHost single = new();
        Recorder recorder = new(single.Host);
        using RuntimeNamespaces place = RuntimeNamespaces.On(single.Host);
        using Containerd containerd = new(place);
        Eventually.True("containerd has read the network", () => containerd.Cri.NetworkReady().IsReady);

        string pod = containerd.Cri.RunPodSandbox(
            new("web")
            {
                Ports = [new(18080, 8080), new(18053, 53, "udp", "127.0.0.1"), new(18090, 90, "sctp")],
                Annotations = new Dictionary<string, string>
                {
                    ["kubernetes.io/ingress-bandwidth"] = "10M",
                    ["kubernetes.io/egress-bandwidth"] = "20M",
                },
            }
        );
        containerd.Cri.Invoking(c => c.RunPodSandbox(new("loser") { Ports = [new(18080, 80)] })).Should().Throw<GrpcException>();
        containerd.Cri.StopPodSandbox(pod);
        containerd.Cri.StopPodSandbox(pod);
        containerd.Cri.RemovePodSandbox(pod);

        Compare("containerd-1.6", recorder);
    }

    [RequiresRootFact]
    public void Ctr_sends_what_was_recorded()
    {
        using SingleHost single = new();
        Recorder recorder = new(single.Host);
        using RuntimeNamespaces place = RuntimeNamespaces.On(single.Host);
        using Containerd containerd = new(place);

        place.Run("ctr", "run", "--rm", "--cni", "--snapshotter", "native", BusyboxImage.Name, "by-hand", "ip", "address").OrThrow();

        Compare("ctr-1.6", recorder);
    }

    [RequiresRootFact]
    public void Podman_sends_what_was_recorded()
    {
        using PodmanHost node = new();
        Recorder recorder = new(node.Host);

        node.Podman.Run(
            "web",
            "--ip",
            "10.244.0.77",
            "--mac-address",
            "02:00:00:00:00:77",
            "--publish",
            "18080:80",
            "--publish",
            "127.0.0.1:18053:53/udp"
        );
        node.Podman.Do("network", "connect", "second", "web");
        node.Podman.Do("network", "disconnect", "second", "web");
        node.Podman.Do("network", "reload", "web");
        node.Podman.Remove("web");

        Compare("podman-4.3", recorder);
    }

    [RequiresRootFact]
    public void Cnitool_sends_what_was_recorded()
    {
        using SingleHost single = new();
        Recorder recorder = new(single.Host);
        LabContainer container = single.Host.NewContainer("c");
        const string Capabilities =
            """{"ips":["10.244.0.77/24"],"mac":"02:00:00:00:00:77","portMappings":[{"hostPort":18080,"containerPort":80,"protocol":"tcp"}]}""";

        single.Host.Cnitool("add", container, Capabilities, "IgnoreUnknown=1;K8S_POD_NAME=c").OrThrow();
        single.Host.Cnitool("check", container, Capabilities, "IgnoreUnknown=1;K8S_POD_NAME=c").OrThrow();
        single.Host.Cnitool("del", container, Capabilities, "IgnoreUnknown=1;K8S_POD_NAME=c").OrThrow();
        single.Host.Cnitool("del", container, Capabilities).OrThrow();

        Compare("cnitool-1.1", recorder);
    }

    private static void Compare(string runtime, Recorder recorder)
    {
        IReadOnlyList<RecordedCall> calls = recorder.Calls();
        if (Environment.GetEnvironmentVariable("TWILL_RECORD") == "yes")
        {
            RecordedCall.Replace(runtime, calls);
        }

        calls.Select(c => c.Canonical()).Should().Equal(RecordedCall.Of(runtime).Select(c => c.Canonical()));
    }
}
