using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Twill.Testing;

/// <summary>
/// A real etcd with one member and its data in memory (/dev/shm). It keeps port and data across <see cref="Stop"/>,
/// <see cref="Kill"/> and <see cref="Start()"/>; <see cref="Dispose"/> removes all of it.
/// </summary>
public sealed class EtcdServer : IDisposable
{
    private readonly EtcdServerOptions _options;
    private readonly TempDir _directory = TempDir.CreateInMemory();
    private readonly EtcdGateway? _gateway;
    private Daemon? _process;
    private bool _authEnabled;

    private EtcdServer(EtcdServerOptions options)
    {
        _options = options;
        Port = options.Port == 0 ? LoopbackPorts.Next() : options.Port;
        if (options.Tls)
        {
            Certificates = TestCertificates.Create(_directory.Path, options.Address);
        }
        else if (options.RootPassword is null && !options.Arguments.Contains("--enable-grpc-gateway=false"))
        {
            _gateway = new EtcdGateway(Namespaces.Of(options.Prefix), new IPEndPoint(options.Address, Port));
        }
    }

    public int Port { get; }

    /// <summary>The authority, server and client certificates of a server with TLS.</summary>
    public TestCertificates? Certificates { get; }

    /// <summary>The URL clients use.</summary>
    public string Endpoint => $"{(_options.Tls ? "https" : "http")}://{new IPEndPoint(_options.Address, Port)}";

    /// <summary>Where its data are.</summary>
    public string DataDirectory => _directory.At("data");

    /// <summary>The process; another one after each start.</summary>
    public int Pid => _process?.Pid ?? 0;

    public bool IsRunning => _process is { HasExited: false };

    public string Log => _process?.Log ?? "";

    /// <summary>Starts a server and returns once it serves.</summary>
    public static EtcdServer Start(EtcdServerOptions? options = null)
    {
        UnitRing.Refuse("starts etcd", "RequiresEtcd");
        EtcdServer server = new(options ?? new EtcdServerOptions());
        try
        {
            server.Start();
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Starts the stopped server again on the same port with the same data; returns once it serves.</summary>
    public void Start()
    {
        _process?.Dispose();
        _process = Daemon.Start("etcd", [.. _options.Prefix, "etcd", .. Arguments()], _directory.At("log"));
        Eventually.True("etcd serves", IsHealthy, TimeSpan.FromSeconds(20), () => Log);
        if (_options.RootPassword is { } password && !_authEnabled)
        {
            Etcdctl("user", "add", $"root:{password}");
            Etcdctl("role", "add", "root");
            Etcdctl("user", "grant-role", "root", "root");
            Etcdctl("auth", "enable");
            _authEnabled = true;
        }
    }

    /// <summary>Ends it in an orderly way (SIGTERM).</summary>
    public void Stop() => _process?.Stop();

    /// <summary>Ends it at once (SIGKILL).</summary>
    public void Kill() => _process?.Kill();

    /// <summary>Freezes it (SIGSTOP): connections stay open and nothing answers.</summary>
    public void Pause() => _process?.Send(Signal.Stop);

    /// <summary>Thaws it (SIGCONT).</summary>
    public void Resume() => _process?.Send(Signal.Cont);

    /// <summary>Stop and Start.</summary>
    public void Restart()
    {
        Stop();
        Start();
    }

    /// <summary>`etcdctl ARGS`, as root where the server authenticates: its output, or an exception with its complaint.</summary>
    public string Etcdctl(params string[] args) => RunEtcdctl(args).OrThrow().Stdout;

    /// <summary>The value of a key, or null when there is none.</summary>
    public string? Get(string key) => Range(key).Select(pair => EtcdGateway.Decode(pair, "value")).FirstOrDefault();

    /// <summary>All keys below a prefix with their values.</summary>
    public IReadOnlyDictionary<string, string> List(string prefix)
    {
        SortedDictionary<string, string> found = new(StringComparer.Ordinal);
        foreach (JsonElement pair in Range(prefix, isPrefix: true))
        {
            found[EtcdGateway.Decode(pair, "key")] = EtcdGateway.Decode(pair, "value");
        }

        return found;
    }

    public void Put(string key, string value)
    {
        if (_gateway is null)
        {
            Etcdctl("put", key, value);
        }
        else
        {
            _gateway.Put(key, value);
        }
    }

    /// <summary>Writes many keys whose values have no white space, as many in a transaction as etcd allows.</summary>
    public void PutAll(IEnumerable<(string Key, string Value)> pairs)
    {
        foreach ((string Key, string Value)[] some in pairs.Chunk(100))
        {
            string puts = string.Concat(some.Select(pair => $"put {pair.Key} {pair.Value}\n"));
            RunEtcdctl(["txn"], stdin: $"\n{puts}\n\n").OrThrow(); // no conditions; what to do; nothing else
        }
    }

    /// <summary>Grants a lease of a day and writes a key with it.</summary>
    public void PutLeased(string key, string value)
    {
        string lease = Etcdctl("lease", "grant", "86400").Split(' ')[1]; // "lease 694d7a1c granted with TTL(86400s)"
        Etcdctl("put", $"--lease={lease}", key, value);
    }

    /// <summary>The id of the lease that a key was written with, in hexadecimal as etcdctl shows it; "0" for none.</summary>
    public string LeaseIdOf(string key)
    {
        if (!Range(key).Single().TryGetProperty("lease", out JsonElement lease))
        {
            return "0";
        }

        // A number of 64 bits, which the JSON interface writes as a text.
        long id = lease.ValueKind == JsonValueKind.String ? long.Parse(lease.GetString()!, CultureInfo.InvariantCulture) : lease.GetInt64();
        return id.ToString("x", CultureInfo.InvariantCulture);
    }

    /// <summary>Makes etcd forget its history: what was written before now is kept, and not what it was before.</summary>
    public void Compact() => Etcdctl("compaction", Etcdctl("get", "x", "-w", "json").Split("\"revision\":")[1].Split(',')[0]);

    public void Dispose()
    {
        _process?.Dispose();
        _directory.Dispose();
    }

    private IEnumerable<JsonElement> Range(string key, bool isPrefix = false)
    {
        if (_gateway is not null)
        {
            return _gateway.Range(key, isPrefix);
        }

        using JsonDocument answer = JsonDocument.Parse(Etcdctl(["get", key, .. isPrefix ? ["--prefix"] : (string[])[], "-w", "json"]));
        return answer.RootElement.Clone().TryGetProperty("kvs", out JsonElement pairs) ? pairs.EnumerateArray() : [];
    }

    private IEnumerable<string> Arguments()
    {
        // The member talks to no other member: its peer port may be any free one.
        const string Peer = "http://127.0.0.1:0";
        List<string> args =
        [
            "--name",
            "test",
            "--data-dir",
            DataDirectory,
            "--logger",
            "zap",
            "--log-level",
            "warn",
            "--listen-client-urls",
            Endpoint,
            "--advertise-client-urls",
            Endpoint,
            "--listen-peer-urls",
            Peer,
            "--initial-advertise-peer-urls",
            Peer,
            "--initial-cluster",
            $"test={Peer}",
        ];
        if (Certificates is { } files)
        {
            args.AddRange(["--cert-file", files.ServerCertFile, "--key-file", files.ServerKeyFile]);
            // etcd asks clients for a certificate as soon as it is given an authority for them.
            args.AddRange(_options.ClientCertificates ? ["--client-cert-auth", "--trusted-ca-file", files.CaFile] : []);
        }

        args.AddRange(_options.TokenTtl is { } seconds ? ["--auth-token-ttl", $"{seconds}"] : []);
        return [.. args, .. _options.Arguments];
    }

    private bool IsHealthy()
    {
        if (_process!.HasExited)
        {
            throw new CmdException($"etcd ended: {Log}");
        }

        if (_gateway is not null)
        {
            try
            {
                _gateway.Range("health");
                return true;
            }
            catch (CmdException)
            {
                return false;
            }
        }

        // The answer may be a refusal (authentication); it says as well that the member serves.
        CmdResult answer = RunEtcdctl(["--command-timeout=1s", "get", "health"]);
        return answer.ExitCode == 0 || answer.Stderr.Contains("permission denied", StringComparison.Ordinal);
    }

    private CmdResult RunEtcdctl(IEnumerable<string> args, string? stdin = null)
    {
        // Its own limit of 5 s is short where a password is hashed on a machine that does much else.
        List<string> line = [.. _options.Prefix, "etcdctl", "--command-timeout=20s", "--endpoints", Endpoint];
        if (Certificates is { } files)
        {
            line.AddRange(["--cacert", files.CaFile, "--cert", files.ClientCertFile, "--key", files.ClientKeyFile]);
        }

        line.AddRange(_authEnabled ? ["--user", $"root:{_options.RootPassword}"] : []);
        line.AddRange(args);
        return Cmd.Run(line[0], line.Skip(1), env: [new("ETCDCTL_API", "3")], stdin: stdin);
    }
}
