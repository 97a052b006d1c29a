using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>Where run-time state lives: <c>/run/twill</c>, gone at reboot as the kernel's own state is.</summary>
/// <param name="Root">absolute path</param>
public readonly record struct StateDir(string Root)
{
    /// <summary>The variable that moves it, for tests that share one file system.</summary>
    public const string Variable = "TWILL_STATE_DIR";

    /// <summary>What TWILL_STATE_DIR says, else <c>/run/twill</c>.</summary>
    /// <exception cref="CniException">code 4: the variable is not an absolute path</exception>
    public static StateDir From(IReadOnlyDictionary<string, string> environment)
    {
        string root = environment.GetValueOrDefault(Variable, "");
        if (root.Length == 0)
        {
            return new StateDir("/run/twill");
        }

        return root[0] == '/'
            ? new StateDir(root)
            : throw new CniException(
                CniErrorCode.InvalidEnvironment,
                $"invalid environment variables: {Variable}",
                $"{Variable}: expected an absolute path, got '{root}'"
            );
    }

    /// <summary>A network's directory, made (mode 0700) when missing.</summary>
    /// <param name="name">the network's name, valid</param>
    public NetworkStateDir Network(string name)
    {
        if (CniNames.NetworkNameFault(name) is string fault)
        {
            throw new ArgumentException($"{fault}, got '{name}'", nameof(name));
        }

        string path = Path.Combine(Root, name);
        MakePrivate(path);
        return new NetworkStateDir(path);
    }

    /// <summary>
    /// Sets the process's umask to 077, so that files and directories get the modes named here: a caller's mask that takes away the
    /// owner's own rights would lock out a program that runs as root without root's exemption from file modes.
    /// </summary>
    public static void SetPrivateUmask() => Libc.SetPrivateUmask();

    /// <summary>A network's directory as it is: it may be missing.</summary>
    /// <param name="name">the network's name, valid</param>
    public NetworkStateDir Existing(string name) => new(Path.Combine(Root, name));

    /// <summary>Held by whoever attaches or detaches containers that run: no network's name begins with a dot.</summary>
    public string AttachLockPath => Path.Combine(Root, ".attach");

    /// <summary>Makes a directory and what is missing above it, mode 0700.</summary>
    /// <exception cref="IOException">it cannot be made</exception>
    public static void MakePrivate(string path) => Libc.MakeDirectory(path);
}

/// <summary>The directory of one network's run-time state.</summary>
/// <param name="Path">absolute path</param>
public readonly record struct NetworkStateDir(string Path)
{
    /// <summary>Another network's, as it is: it may be missing.</summary>
    /// <param name="network">the network's name, valid</param>
    public NetworkStateDir Beside(string network) =>
        new(global::System.IO.Path.Combine(global::System.IO.Path.GetDirectoryName(Path)!, network));

    /// <summary>Held by whoever acquires or renews the lease.</summary>
    public string LockPath => global::System.IO.Path.Combine(Path, "lock");

    /// <summary>What this host is in the network: <see cref="State.NodeFile"/>.</summary>
    public string NodePath => global::System.IO.Path.Combine(Path, "node.json");

    /// <summary>What this host leases: <see cref="State.SubnetFile"/>.</summary>
    public string SubnetPath => global::System.IO.Path.Combine(Path, "subnet.json");

    /// <summary>How the agent is: <see cref="State.AgentFile"/>.</summary>
    public string AgentPath => global::System.IO.Path.Combine(Path, "agent.json");

    /// <summary>How the other hosts answer: <see cref="State.ReachabilityFile"/>.</summary>
    public string ReachabilityPath => global::System.IO.Path.Combine(Path, "reachability.json");

    /// <summary>Marks of ADDs at work: <see cref="InFlightAdd"/>.</summary>
    internal string AddingPath => global::System.IO.Path.Combine(Path, "adding");

    /// <summary>Marks of ADDs that ended while a GC is at work.</summary>
    internal string AddedPath => global::System.IO.Path.Combine(Path, "added");

    /// <summary>Held by a GC at work.</summary>
    internal string CollectingPath => global::System.IO.Path.Combine(Path, "collecting");

    /// <summary>A byte of it is held by a GC while it frees the rest of one attachment: <see cref="FreeingLock"/>.</summary>
    internal string FreeingPath => global::System.IO.Path.Combine(Path, "freeing");

    /// <summary>Where the plugin tells the agent of its calls: <see cref="PluginCall"/>.</summary>
    internal string CallsPath => global::System.IO.Path.Combine(Path, "calls");

    /// <summary>The directory of the records of published ports.</summary>
    public string PortsPath => global::System.IO.Path.Combine(Path, "ports");

    /// <summary>The directory of the records of what containers may send as.</summary>
    public string AttachmentsPath => global::System.IO.Path.Combine(Path, "attachments");

    /// <summary>The directory of the records of containers' names: <see cref="State.NameRecords"/>.</summary>
    public string NameRecordsPath => global::System.IO.Path.Combine(Path, "names");

    /// <summary>What the agent answers for: <see cref="State.NamesFile"/>.</summary>
    public string NamesPath => global::System.IO.Path.Combine(Path, "names.json");

    /// <summary>The directory of the records of Docker's endpoints: <see cref="DockerEndpoint"/>.</summary>
    public string DockerPath => global::System.IO.Path.Combine(Path, "docker");

    /// <summary>The directory of the records of what <c>twill attach</c> has attached: <see cref="AttachedContainer"/>.</summary>
    public string AttachedPath => global::System.IO.Path.Combine(Path, "attached");

    /// <summary>Takes the network's lock.</summary>
    /// <exception cref="TimeoutException">another process holds it</exception>
    public FileLock Lock(TimeSpan timeout) => FileLock.Acquire(LockPath, timeout);
}
