using Twill.Cni;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Attach;

/// <summary>
/// What <c>twill attach</c> has attached on this host: records, and what the plugins make of them. Whoever changes any of it holds the
/// lock, be it a command or the agent.
/// </summary>
/// <param name="state">Where run-time state lives.</param>
internal sealed class Attacher(StateDir state)
{
    private const string AnyNamespace = "/proc/1/ns/net";

    private static readonly string[] s_packaged = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

    /// <summary>Where plugins are: beside this program, where CNI_PATH says, and where packages put them.</summary>
    internal static IReadOnlyList<string> PluginDirs
    {
        get
        {
            string[] told = (Environment.GetEnvironmentVariable(CniEnvironment.Path) ?? "").Split(':');
            return [.. told.Prepend(PluginProcess.OwnDirectory).Concat(s_packaged).Where(Path.IsPathRooted).Distinct()];
        }
    }

    /// <summary>Takes the lock.</summary>
    /// <exception cref="TimeoutException">somebody else is at work</exception>
    internal FileLock Lock(TimeSpan timeout)
    {
        StateDir.MakePrivate(state.Root);
        return FileLock.Acquire(state.AttachLockPath, timeout);
    }

    /// <summary>The same for who does not wait; null when somebody else is at work.</summary>
    internal FileLock? TryLock() => FileLock.TryAcquire(state.AttachLockPath, TimeSpan.Zero);

    /// <summary>All records of this host.</summary>
    /// <param name="problems">what is wrong with records that cannot be read</param>
    internal List<AttachedContainer> List(List<string> problems) =>
        Directory.Exists(state.Root)
            ? [.. Directory.GetDirectories(state.Root).SelectMany(path => AttachedContainer.List(new NetworkStateDir(path), problems))]
            : [];

    /// <summary>The record, then ADD of the whole chain, then the record with the result. What fails is taken back.</summary>
    /// <exception cref="IOException">why it cannot be</exception>
    internal async Task<AttachedContainer> AddAsync(AttachedContainer container)
    {
        NetworkStateDir at = state.Network(container.Network);
        container.Write(at);
        try
        {
            string result = await PluginChain.AddAsync(container).ConfigureAwait(false);
            ThrowIfOther(container, result);
            AttachedContainer made = container with { Result = result, HostEnd = FindHostEnd(container) };
            made.Write(at);
            return made;
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            string text = TextOf(e);
            try
            {
                await RemoveAsync(container).ConfigureAwait(false);
            }
            catch (Exception left) when (ExpectedFailure.Is(left))
            {
                text += $"; and it is not taken back: {TextOf(left)}; the agent tries again";
            }

            throw new IOException(text, e);
        }
    }

    /// <summary>DEL of the whole chain, then the record goes.</summary>
    /// <exception cref="CniException">a plugin failed; the record stays</exception>
    internal async Task RemoveAsync(AttachedContainer container)
    {
        await PluginChain.DelAsync(container).ConfigureAwait(false);
        container.Delete(state.Existing(container.Network));
    }

    /// <summary>Takes away what is of containers that are gone, and of attaches that were killed. The lock is held.</summary>
    /// <param name="settled">told of each that was taken away, and why</param>
    /// <param name="failures">those that could not be, and what else is wrong</param>
    internal async Task SettleAsync(Action<AttachedContainer, string> settled, List<string> failures)
    {
        List<AttachedContainer> all = List(failures);
        if (all.Count == 0)
        {
            return;
        }

        using RouteSocket host = RouteSocket.Open();
        NetnsLiveness namespaces = new();
        foreach (AttachedContainer one in all)
        {
            try
            {
                if (WhyGone(one, host, namespaces) is { } why)
                {
                    await RemoveAsync(one).ConfigureAwait(false);
                    settled(one, why);
                }
            }
            catch (Exception e) when (ExpectedFailure.Is(e))
            {
                failures.Add($"{one.Label} in network {one.Network}: {TextOf(e)}");
            }
        }
    }

    /// <summary>A failure as a person reads it.</summary>
    internal static string TextOf(Exception e) => e is CniException cni ? cni.Text : e.Message;

    /// <summary>Why an attachment is to be taken away; null while there is any doubt. A pair of interfaces ends with the namespace that
    /// holds one end. Without a pair it takes a look at all processes, which an agent that is confined may not take.</summary>
    private string? WhyGone(AttachedContainer container, RouteSocket host, NetnsLiveness namespaces)
    {
        if (container.BootId != BootClock.BootId)
        {
            return "it is of an earlier boot";
        }

        if (container.Result is null)
        {
            bool isAtWork = GcSession.AddsInFlight(state.Existing(container.Network)).Contains(container.Attachment);
            return isAtWork ? null : "its attach was killed";
        }

        if (container.HostEnd.Length > 0)
        {
            return host.TryGetLink(container.HostEnd, out _) ? null : $"its host end {container.HostEnd} is gone, and so is the container";
        }

        return NetnsIdentity.OfPath(AnyNamespace) is not null && namespaces.IsGone(container.Netns, container.Identity)
            ? "the container is gone"
            : null;
    }

    private static void ThrowIfOther(AttachedContainer container, string result)
    {
        if (!PluginChain.IsSame(container))
        {
            throw new IOException($"{container.Label} ended meanwhile: start it, and attach it again");
        }

        IReadOnlyList<CniIp> ips = PluginChain.ReadResult(container, result).Ips;
        foreach (string wanted in container.Addresses)
        {
            if (!ips.Any(ip => ip.Address.ToString() == wanted))
            {
                string given = string.Join(", ", ips.Select(ip => ip.Cidr));
                throw new IOException($"the address plugin of network {container.Network} gives {given}, not {wanted}: leave --ip out");
            }
        }
    }

    private static string FindHostEnd(AttachedContainer container)
    {
        using NetNs netns = NetNs.Open(container.Netns);
        using RouteSocket inside = RouteSocket.Open(netns),
            host = RouteSocket.Open();
        if (!inside.TryGetLink(container.Attachment.IfName, out Link? link) || link.Kind != "veth")
        {
            return "";
        }

        Link? end = host.ListLinks(kind: "veth").Find(one => one.Index == link.LinkIndex && one.LinkIndex == link.Index);
        return end?.Name ?? "";
    }
}
