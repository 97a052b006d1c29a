using System.Text.Json.Nodes;

namespace Twill.Testing;

/// <summary>
/// A host of a <see cref="Lab"/>: a network namespace on the underlay and a mount namespace with its own /run, /etc/cni, /opt/cni
/// and /var/lib/cni, held by a process. All of it ends with that process.
/// </summary>
public sealed class LabHost : NetnsShell, IDisposable
{
    private const string ConfDir = "/etc/cni/net.d";

    private readonly string _directory;
    private readonly Daemon _holder;

    internal LabHost(string name, string address, string? addressV6, string directory, Daemon holder)
    {
        Name = name;
        Address = address;
        AddressV6 = addressV6;
        _directory = directory;
        _holder = holder;
    }

    public string Name { get; }

    /// <summary>The address on the underlay: IPv4, unless that has only IPv6.</summary>
    public string Address { get; }

    /// <summary>The IPv6 address on the underlay; null on one of IPv4 alone.</summary>
    public string? AddressV6 { get; }

    /// <summary>The process that holds the host's namespaces.</summary>
    public int Pid => _holder.Pid;

    /// <summary>The agent that was started last, running or not.</summary>
    public Daemon? Agent { get; private set; }

    public override IReadOnlyList<string> Enter => ["nsenter", $"--target={Pid}", "--net", "--mount", "--"];

    /// <summary>A path of this host as the test sees it.</summary>
    public string At(string path) => $"/proc/{Pid}/root{path}";

    /// <summary>Writes a file on this host.</summary>
    public void Write(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), content);
    }

    /// <summary>Puts a network configuration list into /etc/cni/net.d.</summary>
    public void Configure(JsonObject conflist) => Write($"{ConfDir}/10-{(string?)conflist["name"]}.conflist", conflist.ToJsonString());

    /// <summary>`ip netns add NAME` on this host: the namespace of a container, not yet connected.</summary>
    public LabContainer NewContainer(string name)
    {
        Run("ip", "netns", "add", name).OrThrow();
        return new LabContainer(this, name);
    }

    /// <summary>A container of this host that is there already.</summary>
    public LabContainer Container(string name) => new(this, name);

    /// <summary>A container that cnitool has connected to a network.</summary>
    public LabContainer AddContainer(string name, string network = "twill")
    {
        LabContainer container = NewContainer(name);
        container.Result = Cnitool("add", network, container).OrThrow().Stdout;
        return container;
    }

    /// <summary>`cnitool VERB NETWORK NETNS`, as an administrator would call it.</summary>
    public CmdResult Cnitool(string verb, string network, LabContainer container) =>
        RunFor(
            TimeSpan.FromMinutes(1),
            "env",
            $"CNI_PATH=/opt/cni/bin:{RepoPaths.ReferencePlugins}",
            $"NETCONFPATH={ConfDir}",
            RepoPaths.Cnitool,
            verb,
            network,
            container.NetnsPath
        );

    /// <summary>One of the plugins, ours or a reference one, to be called as a runtime would for that container.</summary>
    public CniProcess Plugin(string program, LabContainer? container = null)
    {
        string own = $"/opt/cni/bin/{program}";
        return new CniProcess(File.Exists(Path.Combine(RepoPaths.Bin, program)) ? own : Path.Combine(RepoPaths.ReferencePlugins, program))
        {
            Prefix = Enter,
            ContainerId = container?.Name ?? "",
            Netns = container?.NetnsPath ?? "",
            IfName = container is null ? "" : "eth0",
            PluginPath = $"/opt/cni/bin:{RepoPaths.ReferencePlugins}",
        };
    }

    /// <summary>Puts the programs of a directory into /opt/cni/bin, in the place of those of the same names; running ones go on.</summary>
    public void UsePrograms(string directory)
    {
        foreach (string program in Directory.GetFiles(directory))
        {
            Run("ln", "-sfn", program, $"/opt/cni/bin/{Path.GetFileName(program)}").OrThrow();
        }
    }

    /// <summary>Starts `twilld` on this host; further arguments as given.</summary>
    public Daemon StartAgent(params string[] args) => StartAgent(new Dictionary<string, string?>(), args);

    /// <summary>The same with further variables in its environment.</summary>
    public Daemon StartAgent(IReadOnlyDictionary<string, string?> env, params string[] args)
    {
        Agent?.Dispose();
        string log = Path.Combine(_directory, $"{Name}-twilld.log");
        Agent = Daemon.Start($"twilld on {Name}", [.. Enter, "/opt/cni/bin/twilld", .. args], log, env);
        return Agent;
    }

    public void Dispose()
    {
        Agent?.Dispose();
        _holder.Dispose();
    }
}
