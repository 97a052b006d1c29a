using System.Globalization;
using System.Text;
using Twill.Cni;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Attach;

/// <summary><c>twill attach</c> and <c>twill detach</c>.</summary>
/// <param name="options">The command line.</param>
/// <param name="state">Where run-time state lives.</param>
/// <param name="finder">Finds containers.</param>
/// <param name="to">Where to write.</param>
internal sealed class AttachCommand(AttachOptions options, StateDir state, ContainerFinder finder, TextWriter to)
{
    /// <summary>Another command, or the agent, runs plugins: a first subnet may have to be leased.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    private readonly Attacher _attacher = new(state);

    /// <summary>Carries it out.</summary>
    /// <exception cref="UsageException">the command line makes no sense on this host</exception>
    /// <exception cref="IOException">it cannot be done</exception>
    internal async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await (options.IsDetach ? DetachAsync(stop) : AttachAsync(stop)).ConfigureAwait(false);
        }
        catch (Exception e) when (ExpectedFailure.Is(e) && e is not (IOException or UnauthorizedAccessException))
        {
            throw new IOException(Attacher.TextOf(e), e);
        }
    }

    private async Task AttachAsync(CancellationToken stop)
    {
        FoundNetwork network = FindNetwork();
        FoundContainer found = await finder.FindAsync(options.Container, stop).ConfigureAwait(false);
        using NetNs netns = NetNs.Open(found.NetnsPath);
        using NetNs own = NetNs.Current();
        if (netns.IsSameAs(own))
        {
            throw new IOException($"{found.Label} has no network of its own, it uses this host's: start it with one (not --network host)");
        }

        NetnsIdentity identity = NetnsIdentity.WithCookie(found.NetnsPath) ?? netns.Identity;
        using FileLock turn = _attacher.Lock(s_patience);
        List<string> failures = [];
        await _attacher.SettleAsync((_, _) => { }, failures).ConfigureAwait(false);
        List<AttachedContainer> all = _attacher.List([]);
        await RefuseAttachedAsync(found, network.Conf, identity, all, failures).ConfigureAwait(false);
        AttachedContainer made = await _attacher
            .AddAsync(
                new AttachedContainer
                {
                    Network = network.Conf.Name,
                    Attachment = new CniAttachment(found.Id, FreeInterface(netns, identity, found, all)),
                    Runtime = found.Runtime,
                    Name = found.Name,
                    Netns = found.NetnsPath,
                    Identity = identity,
                    BootId = BootClock.BootId,
                    Config = PluginChain.ConfigOf(network),
                    PluginDirs = Attacher.PluginDirs,
                    Names = NamesFor(network.Conf, found),
                    Addresses = options.Addresses,
                }
            )
            .ConfigureAwait(false);
        Tell(made, $"{made.Label} is in network {made.Network}: {InterfaceOf(made)}");
    }

    private async Task DetachAsync(CancellationToken stop)
    {
        if (CniNames.NetworkNameFault(options.Network) is { } fault)
        {
            throw new UsageException($"'{ForeignText.Shown(options.Network, 80)}' is no network's name: {fault}");
        }

        using FileLock turn = _attacher.Lock(s_patience);
        List<string> failures = [];
        List<AttachedContainer> gone = [];
        await _attacher.SettleAsync((one, _) => gone.Add(one), failures).ConfigureAwait(false);
        if (await FindAttachedAsync(_attacher.List([]), gone, stop).ConfigureAwait(false) is not { } found)
        {
            return;
        }

        await _attacher.RemoveAsync(found).ConfigureAwait(false);
        TellDetached(found, "");
    }

    /// <summary>The record that is meant; null when what it says was taken away just now.</summary>
    private async Task<AttachedContainer?> FindAttachedAsync(
        List<AttachedContainer> all,
        List<AttachedContainer> gone,
        CancellationToken stop
    )
    {
        List<AttachedContainer> here = all.FindAll(one => one.Network == options.Network);
        List<AttachedContainer> meant = Matching(here);
        if (meant.Count == 0 && Matching(gone.FindAll(one => one.Network == options.Network)) is [var former, ..])
        {
            TellDetached(former, ", as it is gone");
            return null;
        }

        if (meant.Count == 0)
        {
            FoundContainer found = await finder.FindAsync(options.Container, stop).ConfigureAwait(false);
            NetnsIdentity? identity = NetnsIdentity.WithCookie(found.NetnsPath);
            meant = here.FindAll(one => one.Attachment.ContainerId == found.Id || identity is { } now && now.IsSameAs(one.Identity));
            if (meant.Count == 0)
            {
                FindNetwork();
                string there = here.Count > 0 ? string.Join(", ", here.Select(one => one.Label)) : "nobody";
                throw new IOException(
                    $"{found.Label} was not put into network {options.Network} by twill attach: {there} was; what its runtime put there, "
                        + "it takes away"
                );
            }
        }

        return meant.Count == 1
            ? meant[0]
            : throw new UsageException(
                $"'{ForeignText.Shown(options.Container, 80)}' may mean "
                    + $"{string.Join(", ", meant.Select(one => $"{one.Runtime}:{one.Attachment.ContainerId} ({one.Name})"))}: say which"
            );
    }

    /// <summary>Those that a person means: by name or id, else by how an id begins; <c>docker:</c> and the like may stand before
    /// it.</summary>
    private List<AttachedContainer> Matching(List<AttachedContainer> among)
    {
        string text = options.Container;
        List<AttachedContainer> exact = among.FindAll(one =>
            one.Name == text
            || one.Attachment.ContainerId == text
            || $"{one.Runtime}:{one.Name}" == text
            || $"{one.Runtime}:{one.Attachment.ContainerId}" == text
        );
        return exact.Count > 0 || text.All(char.IsAsciiDigit)
            ? exact
            : among.FindAll(one =>
                one.Attachment.ContainerId.StartsWith(text, StringComparison.Ordinal)
                || $"{one.Runtime}:{one.Attachment.ContainerId}".StartsWith(text, StringComparison.Ordinal) && text[^1] != ':'
            );
    }

    private FoundNetwork FindNetwork() => ConfiguredNetwork.Find(options.ConfDir, options.Network);

    private List<string> NamesFor(TwillConf conf, FoundContainer found)
    {
        string name = (options.Name ?? found.Name).ToLowerInvariant();
        bool isReserved =
            !conf.Ipam.IsForeign && ReservedAddresses.Read(conf.Ipam.DataDir, conf.Name).All.Any(one => one.Name == name);
        if (conf.Names is not null || isReserved)
        {
            return CniNames.HostLabelFault(name) is null ? [name] : [];
        }

        return options.Name is null
            ? []
            : throw new UsageException(
                $"--name: network {conf.Name} has no names, and no address is reserved for this one: leave it out, or give the network the "
                    + $"key \"{NamesConf.Key}\""
            );
    }

    private async Task RefuseAttachedAsync(
        FoundContainer found,
        TwillConf conf,
        NetnsIdentity identity,
        List<AttachedContainer> all,
        List<string> failures
    )
    {
        if (
            all.Find(one => one.Network == conf.Name && (one.Attachment.ContainerId == found.Id || one.Identity.IsSameAs(identity)))
            is { } before
        )
        {
            if (before.Result is null || !before.Identity.IsSameAs(identity))
            {
                string why = string.Join("; ", failures.DefaultIfEmpty("it is at work still"));
                throw new IOException($"an earlier attach of {found.Label} is not settled: {why}");
            }

            string state = "CHECK of its plugins finds all as it should be";
            try
            {
                await PluginChain.CheckAsync(before).ConfigureAwait(false);
            }
            catch (CniException e)
            {
                state = $"CHECK of its plugins says: {e.Text}; detach it, and attach it again";
            }

            throw new IOException($"{before.Label} is in network {conf.Name} already: {InterfaceOf(before)}; {state}");
        }

        if (conf.Ipam.IsForeign)
        {
            return;
        }

        AddressFile? file = AddressFile
            .List(conf.Ipam.DataDir, conf.Name)
            .Find(one => one.Record is { Identity: { } there } record && record.BootId == BootClock.BootId && there.IsSameAs(identity));
        if (file?.Record is { } its)
        {
            throw new IOException(
                $"{found.Label} is in network {conf.Name} already, by its runtime: {its.Owner.IfName}, {file.Address}"
            );
        }
    }

    /// <summary>The first one of eth0, eth1, ... that is neither in the container nor on record.</summary>
    private static string FreeInterface(NetNs netns, NetnsIdentity identity, FoundContainer found, List<AttachedContainer> all)
    {
        using RouteSocket inside = RouteSocket.Open(netns);
        HashSet<string> taken =
        [
            .. inside.ListLinks().Select(link => link.Name),
            .. all.Where(one => one.Attachment.ContainerId == found.Id || one.Identity.IsSameAs(identity))
                .Select(one => one.Attachment.IfName),
        ];
        for (int i = 0; ; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"eth{i}");
            if (!taken.Contains(name))
            {
                return name;
            }
        }
    }

    private static string InterfaceOf(AttachedContainer container) =>
        $"{container.Attachment.IfName}, {string.Join(", ", AddressesOf(container))}";

    private static IEnumerable<string> AddressesOf(AttachedContainer container) =>
        container.Result is { } result ? PluginChain.ReadResult(container, result).Ips.Select(ip => ip.Cidr) : [];

    private void TellDetached(AttachedContainer container, string why) =>
        Tell(container with { Result = null }, $"{container.Label} is out of network {container.Network}{why}", isDetached: true);

    private void Tell(AttachedContainer container, string text, bool isDetached = false)
    {
        if (!options.Json)
        {
            to.WriteLine(text);
            return;
        }

        byte[] json = CniJson.Write(
            w =>
            {
                w.WriteStartObject();
                w.WriteString("network", container.Network);
                w.WriteString("container", container.Attachment.ContainerId);
                w.WriteString("runtime", container.Runtime);
                w.WriteString("name", container.Name);
                w.WriteString("interface", container.Attachment.IfName);
                w.WriteString("netns", container.Netns);
                w.WriteBoolean("attached", !isDetached);
                if (container.Result is { } result)
                {
                    w.WriteStartArray("addresses");
                    foreach (string address in AddressesOf(container))
                    {
                        w.WriteStringValue(address);
                    }

                    w.WriteEndArray();
                    w.WritePropertyName("result");
                    w.WriteRawValue(result);
                }

                w.WriteEndObject();
            },
            indented: true
        );
        to.Write(Encoding.UTF8.GetString(json));
    }
}
