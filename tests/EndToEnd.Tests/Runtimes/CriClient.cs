using System.Text.Json;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>What a runtime tells about a pod sandbox.</summary>
internal sealed record PodStatus(string Id, bool IsReady, string Address, string NetnsPath);

/// <summary>
/// The calls of the kubelet that concern pod sandboxes: `runtime.v1.RuntimeService` of the Container Runtime Interface, version 1
/// (field numbers: https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto).
/// </summary>
internal sealed class CriClient(string socketPath) : IDisposable
{
    private readonly GrpcChannel _channel = new(socketPath, TimeSpan.FromMinutes(1));

    /// <summary>The sandbox's id; a failure is an exception with what the runtime said.</summary>
    internal string RunPodSandbox(PodSpec pod) => RunSandbox(pod.ToProto());

    /// <param name="config">`runtime.v1.PodSandboxConfig`</param>
    internal string RunSandbox(ProtoMessage config) => Call("RunPodSandbox", new ProtoMessage().Add(1, config)).Text(1);

    internal void StopPodSandbox(string id) => Call("StopPodSandbox", new ProtoMessage().Add(1, id));

    internal void RemovePodSandbox(string id) => Call("RemovePodSandbox", new ProtoMessage().Add(1, id));

    internal PodStatus PodSandboxStatus(string id)
    {
        ProtoMessage answer = Call("PodSandboxStatus", new ProtoMessage().Add(1, id).Add(2, 1));
        ProtoMessage status = answer.Message(1);
        string info = answer.Messages(2).Single(entry => entry.Text(1) == "info").Text(2);
        return new PodStatus(id, !status.Flag(3), status.Message(5).Text(1), NetnsOf(info));
    }

    /// <summary>Makes and starts a container; gives its id.</summary>
    /// <param name="sandbox">the sandbox's id</param>
    /// <param name="config">`runtime.v1.ContainerConfig`</param>
    /// <param name="sandboxConfig">what the sandbox was made of</param>
    internal string StartContainer(string sandbox, ProtoMessage config, ProtoMessage sandboxConfig)
    {
        string id = Call("CreateContainer", new ProtoMessage().Add(1, sandbox).Add(2, config).Add(3, sandboxConfig)).Text(1);
        Call("StartContainer", new ProtoMessage().Add(1, id));
        return id;
    }

    /// <summary>SIGTERM, and SIGKILL when the container has not ended after so many seconds.</summary>
    internal void StopContainer(string id, ulong seconds) => Call("StopContainer", new ProtoMessage().Add(1, id).Add(2, seconds));

    /// <summary>A container's exit code; null while it runs.</summary>
    internal int? ExitCodeOf(string id)
    {
        const ulong Exited = 2;
        ProtoMessage status = Call("ContainerStatus", new ProtoMessage().Add(1, id)).Message(1);
        return status.Number(3) == Exited ? (int)status.Number(7) : null;
    }

    /// <summary>The condition NetworkReady: whether it holds, and what is said about it.</summary>
    internal (bool IsReady, string Message) NetworkReady()
    {
        ProtoMessage condition = Call("Status", new ProtoMessage()).Message(1).Messages(1).Single(c => c.Text(1) == "NetworkReady");
        return (condition.Flag(2), condition.Text(4));
    }

    public void Dispose() => _channel.Dispose();

    private static string NetnsOf(string info)
    {
        using JsonDocument document = JsonDocument.Parse(info);
        return document
            .RootElement.GetProperty("runtimeSpec")
            .GetProperty("linux")
            .GetProperty("namespaces")
            .EnumerateArray()
            .Single(n => n.GetProperty("type").GetString() == "network")
            .GetProperty("path")
            .GetString()!;
    }

    private ProtoMessage Call(string method, ProtoMessage request) => _channel.Call($"/runtime.v1.RuntimeService/{method}", request);
}
