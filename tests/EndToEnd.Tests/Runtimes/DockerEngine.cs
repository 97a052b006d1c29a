using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>Debian's dockerd on a host, with its state in memory and none of its own networks, and the agent beside it.</summary>
internal sealed class DockerEngine : IDisposable
{
    private const string Dockerd =
            "exec dockerd --data-root /run/docker-data --exec-root /run/docker --pidfile /run/docker.pid -H unix:///run/docker.sock "
            + "--storage-driver vfs --bridge=none --iptables=false --oom-score-adjust 0 --exec-opt native.cgroupdriver=cgroupfs",
        Image = "/run/image.tar",
        AgentPid = "/run/twilld.pid",
        DockerPid = "/run/dockerd.sh.pid";

    /// <summary>A newer client asks for what Debian's dockerd does not know yet.</summary>
    private static readonly string[] s_client = ["DOCKER_HOST=unix:///run/docker.sock", "DOCKER_API_VERSION=1.41"];

    private readonly TempDir _directory = TempDir.Create();
    private readonly RuntimeNamespaces _place;
    private Daemon? _agent,
        _dockerd;
    private int _starts;

    /// <summary>Starts both there and loads the image.</summary>
    internal DockerEngine(RuntimeNamespaces place)
    {
        _place = place;
        try
        {
            StartAgent();
            StartDocker();
            BusyboxImage.Write(place.At(Image));
            Do("load", "--input", Image);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal string AgentLog => _agent?.Log ?? "";

    internal string DockerLog => _dockerd?.Log ?? "";

    /// <summary>`docker ARGS`; its exit code is the caller's to judge.</summary>
    internal CmdResult Try(params string[] args) =>
        _place.RunFor(TimeSpan.FromMinutes(1), ["env", .. s_client, "docker", .. args]);

    /// <summary>`docker ARGS`: its output, or an exception with its complaint.</summary>
    internal string Do(params string[] args) => Try(args).OrThrow().Stdout.Trim();

    /// <summary>Starts a container that sleeps; gives its network namespace.</summary>
    internal RuntimeContainer Run(string name, params string[] options)
    {
        Do(["run", "--detach", "--name", name, "--ulimit", "nofile=1024", .. options, BusyboxImage.Name]);
        return Inside(name);
    }

    internal RuntimeContainer Inside(string name) => _place.Container(Inspect(name, "{{.NetworkSettings.SandboxKey}}"));

    /// <summary>The address that Docker tells of a container in a network.</summary>
    internal string Address(string name, string network = "mynet") =>
        Inspect(name, $"{{{{.NetworkSettings.Networks.{network}.IPAddress}}}}");

    internal string Inspect(string name, string format) => Do("inspect", "--format", format, name);

    /// <summary>Starts the agent; returns when Docker can ask it.</summary>
    internal void StartAgent()
    {
        string log = _directory.At($"twilld{++_starts}");
        _agent = Daemon.Start("twilld", Script($"echo $$ >{AgentPid}; exec {AsTheUnit()} /opt/cni/bin/twilld --docker"), log);
        Eventually.True("it answers Docker", () => _agent.Log.Contains("networks for Docker are at"), onFailure: () => _agent.Log);
    }

    /// <summary>The agent is killed, as a crash does.</summary>
    internal void KillAgent() => End(_agent!, AgentPid, Signal.Kill);

    internal void StartDocker()
    {
        _dockerd = Daemon.Start("dockerd", Script($"echo $$ >{DockerPid}; {Dockerd}"), _directory.At($"dockerd{++_starts}"));
        Eventually.True(
            "dockerd is ready",
            () => _dockerd.Log.Contains("API listen on"),
            TimeSpan.FromSeconds(60),
            () => _dockerd.Log
        );
    }

    /// <summary>dockerd is killed, and a container ends with its namespace. Other containers go on.</summary>
    internal void Vanish(string name)
    {
        (string pid, string netns) = (Inspect(name, "{{.State.Pid}}"), Inspect(name, "{{.NetworkSettings.SandboxKey}}"));
        End(_dockerd!, DockerPid, Signal.Kill); // whose name server has sockets in the namespace
        _place.Sh($"kill -KILL {pid}; umount {netns}");
    }

    public void Dispose()
    {
        _agent?.Dispose();
        _dockerd?.Dispose();
        _directory.Dispose();
    }

    /// <summary>With the capabilities of conf/twilld.service, and no more.</summary>
    private static string AsTheUnit()
    {
        const string Key = "CapabilityBoundingSet=";
        string unit = Path.Combine(RepoPaths.Conf, "twilld.service");
        string set = File.ReadLines(unit).Single(line => line.StartsWith(Key, StringComparison.Ordinal))[Key.Length..];
        IEnumerable<string> each = set.Split(' ').Select(name => $",+{name["CAP_".Length..].ToLowerInvariant()}");
        return $"setpriv --bounding-set=-all{string.Concat(each)} --inh-caps=-all --no-new-privs";
    }

    private IEnumerable<string> Script(string script) => [.. _place.Enter, "env", "DOCKER_RAMDISK=1", "sh", "-c", script];

    private void End(Daemon daemon, string pidFile, Signal signal)
    {
        _place.Sh($"kill -{(int)signal} $(cat {pidFile})");
        daemon.WaitForExit(TimeSpan.FromSeconds(20));
        daemon.Dispose();
    }
}
