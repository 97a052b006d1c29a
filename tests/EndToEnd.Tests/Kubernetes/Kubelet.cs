using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Runtimes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Kubernetes;

/// <summary>What a kubelet does with the agent's pod: volumes, sandbox, init containers one after the other, containers, probes; asked of
/// containerd by CRI (field numbers: https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto).</summary>
internal sealed class Kubelet(RuntimeNamespaces place, CriClient cri, Manifests manifests)
{
    private const string Root = "/run/kubelet";
    private const ulong OfNode = 2,
        OfContainer = 1;

    private readonly Dictionary<string, string> _volumes = [];
    private readonly List<string> _running = [];
    private string _sandbox = "";
    private int _attempt;

    private JsonNode Spec => manifests.Pod["spec"]!;

    private string Logs => $"{Root}/logs-{_attempt}";

    /// <summary>All that the pod's containers wrote.</summary>
    internal string Log => place.Sh($"cat {Root}/logs-*/* 2>/dev/null || true");

    /// <summary>Starts the pod as the DaemonSet has it.</summary>
    internal void Start()
    {
        _attempt++;
        place.Sh($"mkdir -p {Logs}");
        foreach (JsonNode? volume in Spec["volumes"]!.AsArray())
        {
            _volumes[(string)volume!["name"]!] = Mount(volume);
        }

        ProtoMessage sandbox = Sandbox();
        _sandbox = cri.RunSandbox(sandbox);
        foreach (JsonNode? container in Spec["initContainers"]!.AsArray())
        {
            string id = cri.StartContainer(_sandbox, Container(container!), sandbox);
            int? code = null;
            bool HasEnded() => (code = cri.ExitCodeOf(id)) is not null;
            Eventually.True($"{container!["name"]} ends", HasEnded, TimeSpan.FromSeconds(30), () => Log);
            code.Should().Be(0, Log);
        }

        foreach (JsonNode? container in Spec["containers"]!.AsArray())
        {
            _running.Add(cri.StartContainer(_sandbox, Container(container!), sandbox));
        }
    }

    /// <summary>Ends the pod, as before another one takes its place.</summary>
    internal void Stop()
    {
        foreach (string id in _running)
        {
            cri.StopContainer(id, (ulong)Spec["terminationGracePeriodSeconds"]!);
        }

        _running.Clear();
        cri.StopPodSandbox(_sandbox);
        cri.RemovePodSandbox(_sandbox);
    }

    /// <summary>What the agent's probe is answered: a status of HTTP, and what it says.</summary>
    internal string Probe(string name)
    {
        JsonNode get = Spec["containers"]![0]![name]!["httpGet"]!;
        string url = $"http://{get["host"]}:{get["port"]}{get["path"]}";
        return place.Run("curl", "--silent", "--max-time", "5", "--write-out", "\n%{http_code}", url).Stdout;
    }

    private string Mount(JsonNode volume)
    {
        if (volume["hostPath"] is { } host)
        {
            string path = (string)host["path"]!;
            bool isMade = (string?)host["type"] == "DirectoryOrCreate";
            place.Sh(isMade ? $"mkdir -p {path}" : $"test -d {path}");
            return path;
        }

        string at = $"{Root}/volumes-{_attempt}/{volume["name"]}";
        bool isSecret = volume["secret"] is not null;
        (string kind, string name) = isSecret
            ? ("Secret", (string)volume["secret"]!["secretName"]!)
            : ("ConfigMap", (string)volume["configMap"]!["name"]!);
        string mode = isSecret ? Convert.ToString((int)volume["secret"]!["defaultMode"]!, 8) : "644";
        place.Sh($"mkdir -p {at}/..1 && ln -s ..1 {at}/..data");
        foreach ((string file, byte[] content) in manifests.Files(kind, name))
        {
            File.WriteAllBytes(place.At($"{at}/..1/{file}"), content);
            place.Sh($"chmod {mode} {at}/..1/{file} && ln -s ..data/{file} {at}/{file}");
        }

        return at;
    }

    private ProtoMessage Sandbox()
    {
        bool isOfHost = (bool?)Spec["hostNetwork"] ?? false;
        isOfHost.Should().BeTrue("there is no network yet");
        ProtoMessage name = new ProtoMessage().Add(1, "twilld-1").Add(2, "uid-of-twilld").Add(3, "twill").Add(4, (ulong)_attempt);
        ProtoMessage security = new ProtoMessage().Add(1, new ProtoMessage().Add(1, OfNode).Add(2, OfContainer));
        return new ProtoMessage().Add(1, name).Add(3, Logs).Add(8, new ProtoMessage().Add(2, security));
    }

    /// <summary>`runtime.v1.ContainerConfig`.</summary>
    private ProtoMessage Container(JsonNode container)
    {
        string name = (string)container["name"]!;
        ProtoMessage config = new ProtoMessage()
            .Add(1, new ProtoMessage().Add(1, name))
            .Add(2, new ProtoMessage().Add(1, (string)container["image"]!));
        foreach ((int field, string key) in new[] { (3, "command"), (4, "args") })
        {
            foreach (string word in Words(container[key]))
            {
                config.Add(field, word);
            }
        }

        foreach (JsonNode? variable in container["env"]?.AsArray() ?? [])
        {
            config.Add(6, new ProtoMessage().Add(1, (string)variable!["name"]!).Add(2, (string)variable["value"]!));
        }

        foreach (JsonNode? mount in container["volumeMounts"]!.AsArray())
        {
            string propagation = (string?)mount!["mountPropagation"] ?? "None";
            ulong kind = (ulong)Array.IndexOf(["None", "HostToContainer", "Bidirectional"], propagation);
            ulong isReadOnly = (bool?)mount["readOnly"] == true ? 1ul : 0;
            config.Add(
                7,
                new ProtoMessage()
                    .Add(1, (string)mount["mountPath"]!)
                    .Add(2, _volumes[(string)mount["name"]!])
                    .Add(3, isReadOnly)
                    .Add(5, kind)
            );
        }

        return config
            .Add(11, $"{name}.log")
            .Add(15, new ProtoMessage().Add(1, new ProtoMessage()).Add(2, Security(container["securityContext"]!)));
    }

    /// <summary>`runtime.v1.LinuxContainerSecurityContext`.</summary>
    private static ProtoMessage Security(JsonNode asked)
    {
        ProtoMessage capabilities = new();
        foreach ((int field, string key) in new[] { (1, "add"), (2, "drop") })
        {
            foreach (string capability in Words(asked["capabilities"]?[key]))
            {
                capabilities.Add(field, capability);
            }
        }

        return new ProtoMessage()
            .Add(1, capabilities)
            .Add(2, (bool?)asked["privileged"] == true ? 1ul : 0)
            .Add(3, new ProtoMessage().Add(1, OfNode).Add(2, OfContainer))
            .Add(7, (bool?)asked["readOnlyRootFilesystem"] == true ? 1ul : 0)
            .Add(11, (bool?)asked["allowPrivilegeEscalation"] == false ? 1ul : 0);
    }

    private static IEnumerable<string> Words(JsonNode? list) => list?.AsArray().Select(word => (string)word!) ?? [];
}
