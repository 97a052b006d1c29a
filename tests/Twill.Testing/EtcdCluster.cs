using System.Net;
using System.Text.Json;

namespace Twill.Testing;

/// <summary>A real etcd cluster: its members can be killed and started again one by one, and all of it set back to a backup.</summary>
public sealed class EtcdCluster : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly TempDir _dir = TempDir.CreateInMemory();
    private readonly (IPEndPoint Client, IPEndPoint Peer)[] _addresses;
    private readonly Daemon?[] _members;
    private readonly IReadOnlyList<string> _prefix;
    private string _data = "data";

    /// <param name="members">How many.</param>
    /// <param name="address">Where they serve; unset: loopback.</param>
    /// <param name="prefix">Words that start them inside other namespaces, e.g. `nsenter --net=PATH --`.</param>
    public EtcdCluster(int members, IPAddress? address = null, IReadOnlyList<string>? prefix = null)
        : this([.. Enumerable.Range(0, members).Select(_ => new IPEndPoint(address ?? IPAddress.Loopback, LoopbackPorts.Next()))], prefix)
    { }

    /// <param name="clients">Where each member serves.</param>
    /// <param name="prefix">Words that start them inside other namespaces, e.g. `nsenter --net=PATH --`.</param>
    public EtcdCluster(IReadOnlyList<IPEndPoint> clients, IReadOnlyList<string>? prefix = null)
    {
        UnitRing.Refuse("starts etcd", "RequiresEtcd");
        _prefix = prefix ?? [];
        _addresses = [.. clients.Select(client => (client, new IPEndPoint(client.Address, LoopbackPorts.Next())))];
        _members = new Daemon?[clients.Count];
        try
        {
            for (int i = 0; i < _members.Length; i++)
            {
                Launch(i, "new");
            }

            WaitHealthy();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string[] Endpoints => [.. _addresses.Select(a => $"http://{a.Client}")];

    /// <summary>The member that leads now; while they elect one, the one that will.</summary>
    public int Leader
    {
        get
        {
            int? leader = null;
            Eventually.True("a member leads", () => (leader = FindLeader()) is not null, s_patience);
            return leader!.Value;
        }
    }

    /// <summary>`etcdctl ARGS`, of what may be done twice: it is tried again while the members elect a leader or one does not serve
    /// yet.</summary>
    public string Etcdctl(params string[] args)
    {
        string answer = "";
        Eventually.Pass(() => answer = Run(null, args).OrThrow().Stdout, s_patience);
        return answer;
    }

    public void Kill(int member)
    {
        _members[member]!.Kill();
        _members[member]!.Dispose();
        _members[member] = null;
    }

    /// <summary>Starts a killed member again with its data.</summary>
    public void Start(int member) => Launch(member, "existing");

    /// <summary>Freezes a member: connections stay open and nothing answers.</summary>
    public void Pause(int member) => _members[member]!.Send(Signal.Stop);

    /// <summary>Thaws it.</summary>
    public void Resume(int member) => _members[member]!.Send(Signal.Cont);

    /// <summary>A backup of all there is, as an operator makes one.</summary>
    public string Backup()
    {
        string file = Path.Combine(_dir.Path, "backup");
        Run(0, ["snapshot", "save", file]).OrThrow();
        return file;
    }

    /// <summary>Ends all members and starts them with what the backup holds: what was written since never was, revisions go back.</summary>
    public void Restore(string backup)
    {
        for (int i = 0; i < _members.Length; i++)
        {
            Kill(i);
        }

        _data = "restored";
        for (int i = 0; i < _members.Length; i++)
        {
            Cmd.Run(
                    "etcdctl",
                    [
                        "snapshot",
                        "restore",
                        backup,
                        "--data-dir",
                        Data(i),
                        "--name",
                        $"m{i}",
                        "--initial-cluster",
                        InitialCluster,
                        "--initial-advertise-peer-urls",
                        Peer(i),
                    ],
                    env: [new("ETCDCTL_API", "3")]
                )
                .OrThrow();
            Launch(i, "existing");
        }
        WaitHealthy();
    }

    /// <summary>Waits until each member that runs answers with what the whole cluster agrees on.</summary>
    public void WaitHealthy() =>
        Eventually.True(
            "every member serves",
            () => Running.All(Serves),
            s_patience,
            () => string.Join('\n', _members.Select(m => m?.Log))
        );

    public void Dispose()
    {
        foreach (Daemon? member in _members)
        {
            member?.Dispose();
        }

        _dir.Dispose();
    }

    private IEnumerable<int> Running => Enumerable.Range(0, _members.Length).Where(i => _members[i] is not null);

    private string InitialCluster => string.Join(',', _addresses.Select((_, i) => $"m{i}={Peer(i)}"));

    private string Peer(int member) => $"http://{_addresses[member].Peer}";

    private string Data(int member) => Path.Combine(_dir.Path, $"{_data}-{member}");

    private void Launch(int member, string state) =>
        _members[member] = Daemon.Start(
            $"etcd m{member}",
            [
                .. _prefix,
                "etcd",
                "--name",
                $"m{member}",
                "--data-dir",
                Data(member),
                "--logger",
                "zap",
                "--log-level",
                "warn",
                "--listen-client-urls",
                Endpoints[member],
                "--advertise-client-urls",
                Endpoints[member],
                "--listen-peer-urls",
                Peer(member),
                "--initial-advertise-peer-urls",
                Peer(member),
                "--initial-cluster",
                InitialCluster,
                "--initial-cluster-state",
                state,
            ],
            Path.Combine(_dir.Path, $"log-{member}")
        );

    private bool Serves(int member) => Run(member, ["--command-timeout=1s", "get", "x"]).ExitCode == 0;

    private int? FindLeader()
    {
        foreach (int member in Running)
        {
            CmdResult answer = Run(member, ["endpoint", "status", "-w", "json"]);
            if (answer.ExitCode != 0)
            {
                continue;
            }

            using JsonDocument json = JsonDocument.Parse(answer.Stdout);
            JsonElement status = json.RootElement[0].GetProperty("Status");
            if (status.GetProperty("leader").GetUInt64() == status.GetProperty("header").GetProperty("member_id").GetUInt64())
            {
                return member;
            }
        }
        return null;
    }

    private CmdResult Run(int? member, IEnumerable<string> args) =>
        RunEtcdctl([.. _prefix, "etcdctl", "--endpoints", member is { } one ? Endpoints[one] : string.Join(',', Endpoints), .. args]);

    private static CmdResult RunEtcdctl(string[] line) => Cmd.Run(line[0], line.Skip(1), env: [new("ETCDCTL_API", "3")]);
}
