using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Twill.Agent.Attach;

/// <summary>
/// containerd, asked at its socket for the containers and tasks of all its namespaces (its <c>api/services/*.proto</c>; the numbers of the
/// fields stand beside the code that reads them).
/// </summary>
/// <param name="sockets">where it may be; the first one that there is</param>
internal sealed class ContainerdRuntime(params string[] sockets) : IContainerRuntime
{
    private const string Services = "containerd.services.";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    /// <summary>The labels by which nerdctl and Kubernetes call a container; a pod's own container has no name but the pod's.</summary>
    private static readonly string[] s_names = ["nerdctl/name", "io.kubernetes.container.name", "io.kubernetes.pod.name"];

    private static readonly Marshaller<byte[]> s_bytes = new(bytes => bytes, bytes => bytes);

    /// <summary>Where its own clients would ask.</summary>
    internal static ContainerdRuntime OfHost() =>
        Environment.GetEnvironmentVariable("CONTAINERD_ADDRESS") is { Length: > 0 } at
            ? new(at)
            : new("/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock");

    /// <inheritdoc/>
    public string Name => "containerd";

    /// <inheritdoc/>
    public async Task<RuntimeAnswer> ListAsync(CancellationToken stop)
    {
        if (Array.Find(sockets, File.Exists) is not { } socket)
        {
            return new RuntimeAnswer([], $"there is no {string.Join(", nor ", sockets)}");
        }

        using GrpcChannel channel = GrpcChannel.ForAddress(
            "http://containerd",
            new GrpcChannelOptions
            {
                HttpHandler = UnixHttp.Handler(socket),
                DisposeHttpClient = true,
                MaxReceiveMessageSize = null, // a container's record holds its whole specification
            }
        );
        CallInvoker invoker = channel.CreateCallInvoker();
        List<KnownContainer> all = [];
        try
        {
            foreach (string space in ReadNamespaces(await CallAsync(invoker, "namespaces.v1.Namespaces", "", stop).ConfigureAwait(false)))
            {
                byte[] tasks = await CallAsync(invoker, "tasks.v1.Tasks", space, stop).ConfigureAwait(false),
                    containers = await CallAsync(invoker, "containers.v1.Containers", space, stop).ConfigureAwait(false);
                Dictionary<string, int> pids = ReadTasks(tasks);
                foreach ((string id, Dictionary<string, string> labels) in ReadContainers(containers))
                {
                    string? name = Array.Find(s_names, labels.ContainsKey);
                    all.Add(new KnownContainer(Name, id, name is null ? [] : [labels[name]], pids.GetValueOrDefault(id)));
                }
            }
        }
        catch (Exception e) when (e is RpcException or InvalidProtocolBufferException && !stop.IsCancellationRequested)
        {
            string text = e is RpcException { Status.Detail: { Length: > 0 } detail } ? detail : e.Message;
            throw new IOException($"containerd does not answer at {socket}: {text}; is it running (systemctl status containerd)?", e);
        }

        return new RuntimeAnswer(all);
    }

    /// <inheritdoc/>
    public Task<int> PidOfAsync(KnownContainer container, CancellationToken stop) => Task.FromResult(container.Pid ?? 0);

    private static async Task<byte[]> CallAsync(CallInvoker invoker, string service, string space, CancellationToken stop)
    {
        Method<byte[], byte[]> method = new(MethodType.Unary, Services + service, "List", s_bytes, s_bytes);
        Metadata headers = space.Length > 0 ? new Metadata { { "containerd-namespace", space } } : [];
        CallOptions options = new(headers, DateTime.UtcNow + s_limit, stop);
        using AsyncUnaryCall<byte[]> call = invoker.AsyncUnaryCall(method, null, options, []);
        return await call.ResponseAsync.ConfigureAwait(false);
    }

    /// <summary>ListNamespacesResponse { repeated Namespace namespaces = 1 }, Namespace { string name = 1 }.</summary>
    internal static List<string> ReadNamespaces(byte[] message)
    {
        List<string> all = [];
        ForEach(message, (field, input) =>
        {
            if (field == 1)
            {
                ForEach(input.ReadBytes().ToByteArray(), (inner, space) =>
                {
                    if (inner == 1)
                    {
                        all.Add(space.ReadString());
                        return true;
                    }

                    return false;
                });
                return true;
            }

            return false;
        });
        return all;
    }

    /// <summary>ListTasksResponse { repeated Process tasks = 1 }, Process { string container_id = 1, string id = 2, uint32 pid = 3, Status
    /// status = 4 }: the processes of those that have not stopped (3).</summary>
    internal static Dictionary<string, int> ReadTasks(byte[] message)
    {
        const int Stopped = 3;
        Dictionary<string, int> pids = [];
        ForEach(message, (field, input) =>
        {
            if (field != 1)
            {
                return false;
            }

            string container = "",
                id = "";
            int pid = 0,
                status = 0;
            ForEach(input.ReadBytes().ToByteArray(), (inner, task) =>
            {
                switch (inner)
                {
                    case 1:
                        container = task.ReadString();
                        return true;
                    case 2:
                        id = task.ReadString();
                        return true;
                    case 3:
                        pid = (int)task.ReadUInt32();
                        return true;
                    case 4:
                        status = task.ReadEnum();
                        return true;
                    default:
                        return false;
                }
            });
            if (status != Stopped)
            {
                pids[container.Length > 0 ? container : id] = pid;
            }

            return true;
        });
        return pids;
    }

    /// <summary>ListContainersResponse { repeated Container containers = 1 }, Container { string id = 1, map labels = 2 }.</summary>
    internal static List<(string Id, Dictionary<string, string> Labels)> ReadContainers(byte[] message)
    {
        List<(string, Dictionary<string, string>)> all = [];
        ForEach(message, (field, input) =>
        {
            if (field != 1)
            {
                return false;
            }

            string id = "";
            Dictionary<string, string> labels = [];
            ForEach(input.ReadBytes().ToByteArray(), (inner, container) =>
            {
                if (inner == 1)
                {
                    id = container.ReadString();
                    return true;
                }

                if (inner == 2)
                {
                    (string key, string value) = ReadPair(container.ReadBytes().ToByteArray());
                    labels[key] = value;
                    return true;
                }

                return false;
            });
            all.Add((id, labels));
            return true;
        });
        return all;
    }

    private static (string Key, string Value) ReadPair(byte[] message)
    {
        string key = "",
            value = "";
        ForEach(message, (field, input) =>
        {
            if (field == 1)
            {
                key = input.ReadString();
            }
            else if (field == 2)
            {
                value = input.ReadString();
            }

            return field is 1 or 2;
        });
        return (key, value);
    }

    /// <summary>Goes through the fields of a message; those that are not taken are passed over.</summary>
    private static void ForEach(byte[] message, Func<int, CodedInputStream, bool> take)
    {
        using CodedInputStream input = new(message);
        uint tag;
        while ((tag = input.ReadTag()) != 0)
        {
            if (!take(WireFormat.GetTagFieldNumber(tag), input))
            {
                input.SkipLastField();
            }
        }
    }
}
