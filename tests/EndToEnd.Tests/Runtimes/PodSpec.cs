namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>A port of a pod that the host publishes.</summary>
internal sealed record PodPort(int HostPort, int ContainerPort, string Protocol = "tcp", string HostIp = "");

/// <summary>What a kubelet asks of a pod sandbox.</summary>
internal sealed record PodSpec(string Name)
{
    private static readonly string[] s_protocols = ["tcp", "udp", "sctp"];

    internal IReadOnlyList<PodPort> Ports { get; init; } = [];

    internal IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    internal IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>`runtime.v1.PodSandboxConfig`.</summary>
    internal ProtoMessage ToProto()
    {
        ProtoMessage metadata = new ProtoMessage().Add(1, Name).Add(2, $"uid-of-{Name}").Add(3, "default");
        ProtoMessage config = new ProtoMessage().Add(1, metadata).Add(2, Name);
        foreach (PodPort port in Ports)
        {
            ulong protocol = (ulong)Array.IndexOf(s_protocols, port.Protocol);
            config.Add(
                5,
                new ProtoMessage().Add(1, protocol).Add(2, (ulong)port.ContainerPort).Add(3, (ulong)port.HostPort).Add(4, port.HostIp)
            );
        }

        return config.Add(6, Labels).Add(7, Annotations).Add(8, new ProtoMessage());
    }
}
