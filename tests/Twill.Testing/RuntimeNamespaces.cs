using System.Globalization;

namespace Twill.Testing;

/// <summary>
/// A place on a <see cref="LabHost"/> where real container runtimes run: the host's network, and processes, mounts and cgroups of its
/// own. Its end is the end of every runtime and container in it.
/// </summary>
public sealed class RuntimeNamespaces : NetnsShell, IDisposable
{
    private const string Ready = "/run/runtimes.pid";

    private readonly TempDir _directory = TempDir.Create();
    private readonly CgroupBranch _cgroups = new();
    private readonly Daemon _holder;

    private RuntimeNamespaces(LabHost host)
    {
        string script = Path.Combine(RepoPaths.Root, "tests", "Twill.Testing", "runtimes.sh");
        _holder = Daemon.Start($"runtimes on {host.Name}", [.. host.Enter, script, _cgroups.Name, Ready], _directory.At("log"));
        try
        {
            Eventually.True("the runtimes have their namespaces", () => IsReady(host), onFailure: () => _holder.Log);
            Pid = int.Parse(File.ReadAllText(host.At(Ready)), CultureInfo.InvariantCulture);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The process that holds the namespaces.</summary>
    public int Pid { get; }

    public override IReadOnlyList<string> Enter => ["nsenter", $"--target={Pid}", "--net", "--mount", "--pid", "--cgroup", "--"];

    public static RuntimeNamespaces On(LabHost host) => new(host);

    /// <summary>A path in here as the test sees it.</summary>
    public string At(string path) => $"/proc/{Pid}/root{path}";

    /// <summary>Writes a file in here.</summary>
    public void Write(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), content);
    }

    /// <summary>The network namespace that a runtime made under this path. /var/run is a link that would lead out of here.</summary>
    public RuntimeContainer Container(string netnsPath) => new(this, netnsPath.Replace("/var/run/", "/run/", StringComparison.Ordinal));

    public void Dispose()
    {
        _holder.Dispose();
        _cgroups.Dispose();
        _directory.Dispose();
    }

    private bool IsReady(LabHost host) =>
        _holder.HasExited ? throw new CmdException($"{_holder.Name} ended: {_holder.Log}") : File.Exists(host.At(Ready));
}

/// <summary>The network namespace of a container that a runtime made.</summary>
public sealed class RuntimeContainer(RuntimeNamespaces place, string netnsPath) : NetnsShell
{
    /// <summary>The path of the namespace as its runtime knows it.</summary>
    public string NetnsPath => netnsPath;

    public override IReadOnlyList<string> Enter => ["nsenter", $"--net={place.At(netnsPath)}", "--"];
}
