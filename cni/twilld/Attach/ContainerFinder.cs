using System.Globalization;
using Twill.Cni;
using Twill.Linux;
using Twill.System;

namespace Twill.Agent.Attach;

/// <summary>A container that was asked for and runs.</summary>
/// <param name="Runtime">Who knows it.</param>
/// <param name="Id">The container id for plugins.</param>
/// <param name="Name">What a person calls it.</param>
/// <param name="NetnsPath">Where its network namespace is.</param>
internal sealed record FoundContainer(string Runtime, string Id, string Name, string NetnsPath)
{
    /// <summary>How messages call it.</summary>
    internal string Label => $"{Runtime} {Name}";
}

/// <summary>Finds what a person calls a container.</summary>
/// <param name="runtimes">who is asked, in that order</param>
/// <param name="proc">where processes are seen</param>
internal sealed class ContainerFinder(IReadOnlyList<IContainerRuntime> runtimes, string proc = "/proc")
{
    /// <summary>What is the id of nobody's container is no runtime's.</summary>
    internal const string Pid = "pid",
        Path = "path";

    /// <summary>The runtimes of this host.</summary>
    internal static ContainerFinder OfHost() => new([DockerRuntime.OfHost(), new PodmanRuntime(), ContainerdRuntime.OfHost()]);

    /// <summary>Finds it.</summary>
    /// <param name="text">a name, an id or how it begins, a pid, a path; <c>docker:</c> and the like may stand before it</param>
    /// <param name="stop">ends it early</param>
    /// <exception cref="UsageException">there is none, or more than one</exception>
    /// <exception cref="IOException">it does not run, or a runtime does not answer</exception>
    internal async Task<FoundContainer> FindAsync(string text, CancellationToken stop)
    {
        if (text.StartsWith('/'))
        {
            return Unknown(Path, text, text);
        }

        (string? only, string wanted) = Split(text);
        if (wanted.Contains('/') || wanted.Length == 0)
        {
            throw new UsageException(
                $"expected a container's name or id, a pid, or an absolute path, got '{ForeignText.Shown(text, 80)}'"
            );
        }

        bool isPid = only is null or Pid && IsProcess(wanted);
        List<string> asked = [];
        List<KnownContainer> known = only == Pid ? [] : await AskAsync(only, asked, stop).ConfigureAwait(false);
        List<KnownContainer> exact = known.FindAll(one => one.Id == wanted || one.Names.Contains(wanted));
        if (isPid && exact.Count == 0)
        {
            return Unknown(Pid, wanted, $"{proc}/{wanted}/ns/net");
        }

        List<KnownContainer> fitting =
            exact.Count > 0 ? exact : known.FindAll(one => one.Id.StartsWith(wanted, StringComparison.Ordinal));
        if (fitting.Count + (isPid ? 1 : 0) > 1)
        {
            IEnumerable<string> all =
            [
                .. fitting.Take(10).Select(one => $"{one.Runtime}:{one.Id} ({one.Name})"),
                .. isPid ? [$"pid:{wanted}"] : Array.Empty<string>(),
            ];
            throw new UsageException($"'{ForeignText.Shown(text, 80)}' may mean {string.Join(", ", all)}: say which");
        }

        if (fitting.Count == 0)
        {
            throw new UsageException(
                only == Pid
                    ? $"no process {ForeignText.Shown(wanted, 80)} on this host"
                    : $"no container '{ForeignText.Shown(wanted, 80)}' on this host; asked were {string.Join("; ", asked)}"
            );
        }

        return await EnterAsync(fitting[0], stop).ConfigureAwait(false);
    }

    private async Task<FoundContainer> EnterAsync(KnownContainer container, CancellationToken stop)
    {
        IContainerRuntime runtime = runtimes.First(one => one.Name == container.Runtime);
        int pid = container.Pid ?? await runtime.PidOfAsync(container, stop).ConfigureAwait(false);
        if (pid == 0)
        {
            throw new IOException($"container {container.Name} of {container.Runtime} does not run: start it first");
        }

        if (CniNames.ContainerIdFault(container.Id) is { } fault)
        {
            throw new IOException($"container {container.Name} of {container.Runtime}: its id is none for plugins: {fault}");
        }

        string netns = string.Create(CultureInfo.InvariantCulture, $"{proc}/{pid}/ns/net");
        return new FoundContainer(container.Runtime, container.Id, container.Name, netns);
    }

    /// <summary>What no runtime was asked for: the id follows from the namespace.</summary>
    private static FoundContainer Unknown(string kind, string name, string path)
    {
        try
        {
            using NetNs netns = NetNs.Open(path);
            NetnsIdentity identity = NetnsIdentity.WithCookie(path) ?? netns.Identity;
            string id = string.Create(CultureInfo.InvariantCulture, $"netns-{identity.Inode}-{identity.Cookie:x}");
            return new FoundContainer(kind, id, name, path);
        }
        catch (LibcException e) when (e.Errno is Errno.ENOENT or Errno.EINVAL or Errno.ENOTDIR)
        {
            throw new UsageException($"{ForeignText.Shown(path)} leads to no network namespace: {e.Message}");
        }
    }

    private async Task<List<KnownContainer>> AskAsync(string? only, List<string> asked, CancellationToken stop)
    {
        List<KnownContainer> known = [];
        foreach (IContainerRuntime runtime in runtimes.Where(one => only is null || one.Name == only))
        {
            try
            {
                RuntimeAnswer answer = await runtime.ListAsync(stop).ConfigureAwait(false);
                asked.Add($"{runtime.Name} ({answer.Absence ?? Count(answer.Containers.Count)})");

                // Docker's containers are containerd's too: of one id counts who was asked first.
                known.AddRange(answer.Containers.Where(one => !known.Exists(before => before.Id == one.Id)));
            }
            catch (Exception e) when (e is IOException or CniException && only is null)
            {
                asked.Add($"{runtime.Name} ({(e is CniException cni ? cni.Text : e.Message)})");
            }
        }

        return known;
    }

    private static string Count(int containers) => containers == 1 ? "1 container" : $"{containers} containers";

    private bool IsProcess(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) && pid > 0 && Directory.Exists($"{proc}/{text}");

    private (string? Only, string Wanted) Split(string text)
    {
        int colon = text.IndexOf(':');
        if (colon < 0)
        {
            return (null, text);
        }

        string only = text[..colon];
        return only == Pid || runtimes.Any(one => one.Name == only)
            ? (only, text[(colon + 1)..])
            : throw new UsageException(
                $"'{ForeignText.Shown(text, 80)}': expected one of {string.Join(", ", runtimes.Select(one => one.Name))}, {Pid} before ':'"
            );
    }
}
