using System.Globalization;
using System.Net;
using Twill.Cluster;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Ipam.Subnets;

/// <summary>
/// Subnets leased from etcd. What is held stands in <c>subnet.json</c>, so an ADD reads one small file; etcd is asked when there is
/// no valid one, when the lease's deadline has passed (nothing is handed out then unless it can be renewed at once), and when every
/// address is taken. Whoever asks holds the network's lock, so that processes that start together lease once.
/// </summary>
internal sealed class LeasedSubnets(TwillConf conf, IpamHost host) : ISubnetSource
{
    /// <summary>For the lock, for connecting, and for each answer: a runtime waits for this, and tries again anyway.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>For all calls to an etcd that answers each of them in time: a first subnet takes about eight, and who gave up half-way
    /// would begin anew with each ADD.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_callLimit = TimeSpan.FromSeconds(3);

    private readonly NetworkStateDir _state = host.State.Network(conf.Name);
    private List<NeededPrefix>? _needed;

    public IReadOnlyList<IPNetwork>? Current() => Usable(ReadFile());

    public void Obtain(IReadOnlyList<IPNetwork>? full)
    {
        long started = Environment.TickCount64;
        using FileLock held = Lock();
        SubnetFile? file = ReadFile();
        if (HasMoreThan(full, Usable(file)))
        {
            return; // another process was faster
        }

        TimeSpan left = Limit - TimeSpan.FromMilliseconds(Environment.TickCount64 - started);
        Ask(file, full, left, (manager, node, publish, cancel) => manager.HoldAsync(Demand(full), node, publish, cancel));
    }

    public void ProbeObtain(IReadOnlyList<IPNetwork>? full)
    {
        SubnetFile? file = ReadFile();
        Ask(file, full, Limit, (manager, _, publish, cancel) => manager.ProbeAsync(Demand(full), publish, cancel));
    }

    private static LeaseDemand Demand(IReadOnlyList<IPNetwork>? full) => full is null ? LeaseDemand.Addresses : LeaseDemand.MoreAddresses;

    private SubnetFile? ReadFile()
    {
        SubnetFile? file = SubnetFile.TryRead(_state, out string? problem);
        if (problem is not null)
        {
            host.Log($"{problem}; the subnets are leased anew");
        }

        return file;
    }

    /// <summary>
    /// The subnets of a file that new containers may get addresses of. The fence must allow it: the boot is this one and the deadline has
    /// not passed. Those that are not of the network as it is configured now are kept for the containers that use them, and for no others.
    /// </summary>
    private List<IPNetwork>? Usable(SubnetFile? file)
    {
        if (
            file is null
            || file.Network != conf.Name
            || file.BootId != host.Clock.BootId
            || host.Clock.Now >= file.Deadline
            || (file.Prefix != "" && file.Prefix != conf.Ipam.Etcd!.Prefix)
        )
        {
            return null;
        }

        var subnets = new List<IPNetwork>(file.Subnets.Count);
        foreach (SubnetKey leased in SubnetKey.Pairs(file.Subnets))
        {
            if (!IsConfigured(leased) || Contains(file.Lost, leased.Subnet))
            {
                continue;
            }

            subnets.Add(leased.Subnet);
            if (leased.SubnetV6 is { } v6)
            {
                subnets.Add(v6);
            }
        }
        return subnets.Count == 0 ? null : subnets;
    }

    private bool IsConfigured(SubnetKey leased) =>
        IsOf(conf.Ipam.IPv4, leased.Subnet)
        && (conf.Ipam.IPv6 is { } ipv6 ? leased.SubnetV6 is { } v6 && IsOf(ipv6, v6) : leased.SubnetV6 is null);

    private static bool IsOf(IpamFamily family, IPNetwork subnet) =>
        subnet.PrefixLength == family.SubnetLen && family.Network is { } network && network.Contains(subnet.BaseAddress);

    private FileLock Lock()
    {
        try
        {
            return _state.Lock(Limit);
        }
        catch (TimeoutException e)
        {
            throw new CniException(CniErrorCode.TryAgainLater, "another process is leasing a subnet and does not get on", e.Message, e);
        }
    }

    /// <summary>Asks etcd within a time limit; what goes wrong is told with what it means for this host.</summary>
    private void Ask(SubnetFile? file, IReadOnlyList<IPNetwork>? full, TimeSpan limit, Question question)
    {
        using var budget = new CancellationTokenSource(limit > TimeSpan.FromSeconds(1) ? limit : TimeSpan.FromSeconds(1));
        try
        {
            AskAsync(question, budget).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException e)
        {
            throw Cannot(CniErrorCode.TryAgainLater, "etcd answers too slowly", e);
        }
        catch (EtcdException e)
        {
            throw Cannot(ErrorMapping.CodeOf(e), e.Message, e);
        }
        catch (ClusterException e) when (e.IsTransient)
        {
            throw Cannot(CniErrorCode.TryAgainLater, e.Message, e);
        }

        CniException Cannot(CniErrorCode code, string why, Exception cause) =>
            new(
                code,
                full is not null ? "no free address, and no further subnet" : "no subnet to give addresses from",
                $"{Situation(file, full)}; {why}; etcd endpoints: {string.Join(", ", conf.Ipam.Etcd!.Endpoints)}",
                cause
            );
    }

    private async Task AskAsync(Question question, CancellationTokenSource budget)
    {
        CancellationToken cancel = budget.Token;
        long started = Environment.TickCount64;
        EtcdConf at = conf.Ipam.Etcd!;
        NodeFile? node = ReadNode();
        string nodeId = NodeIdentity.NodeId(conf.Ipam.DataDir, out string? replaced);
        if (replaced is not null)
        {
            host.Log(replaced);
        }

        using var etcd = new EtcdClient(LeaseMapper.Options(at, s_callLimit)) { Answered = GoOn };
        var manager = new LeaseManager(
            new LeaseStore(etcd, at.Prefix, nodeId, () => host.Clock.Now)
            {
                Instance = LeaseMapper.Instance(conf, host.State, host.Clock.BootId),
                Needed = () => _needed ??= ReadNeeded(etcd),
            },
            LeaseMapper.Request(conf, nodeId, host.Clock.BootId),
            new LeaseStateFiles(_state, conf.Ipam.DataDir, conf.Name, host.Clock.BootId),
            new LeaseLog(host.Log)
        );
        await question(manager, node, () => LeaseMapper.Attributes(BackendTable.All, node, etcd.LocalAddress), cancel)
            .ConfigureAwait(false);

        void GoOn()
        {
            TimeSpan left = s_longest - TimeSpan.FromMilliseconds(Environment.TickCount64 - started);
            budget.CancelAfter(left > Limit ? Limit : left > TimeSpan.Zero ? left : TimeSpan.Zero);
        }
    }

    /// <summary>What this host needs itself.</summary>
    private List<NeededPrefix> ReadNeeded(EtcdClient etcd)
    {
        using RouteSocket route = RouteSocket.Open();
        List<NeededPrefix> needed = [];
        foreach (HostPrefix one in HostPrefixes.Read(route, conf, etcd.MemberAddresses).All)
        {
            needed.Add(new NeededPrefix(one.Prefix, one.Reason));
        }

        return needed;
    }

    /// <summary>
    /// What this host is. The main plugin or the agent has written it; under another main plugin nobody has, and the lease only says who
    /// holds it. A file of another boot says what the host was, not what it is.
    /// </summary>
    private NodeFile? ReadNode()
    {
        NodeFile? node = NodeFile.TryRead(_state, out string? problem);
        if (problem is not null)
        {
            host.Log($"{problem}; the lease is published without it");
        }

        return node?.BootId == host.Clock.BootId ? node : null;
    }

    private string Situation(SubnetFile? file, IReadOnlyList<IPNetwork>? full)
    {
        if (full is not null)
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"all {Verbs.Add.PoolsOf(full, conf.Ipam)[0].Capacity} addresses of this host's {string.Join(", ", full)} are taken by "
                    + $"containers that still run"
            );
        }
        if (file is null || file.BootId != host.Clock.BootId)
        {
            return "this host has leased no subnet since it was booted";
        }

        if (host.Clock.Now < file.Deadline)
        {
            return $"{_state.SubnetPath} has no subnet that this host may use";
        }

        double silence = host.Clock.Now - (file.Deadline - file.Ttl);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"the lease of {string.Join(", ", file.Subnets)} ran out {host.Clock.Now - file.Deadline:0} s ago: it was renewed last "
                + $"{silence:0} s ago ({DateTime.UtcNow.AddSeconds(-silence):yyyy-MM-dd'T'HH:mm:ss'Z'}) and lasts {file.Ttl} s"
        );
    }

    private static bool HasMoreThan(IReadOnlyList<IPNetwork>? full, IReadOnlyList<IPNetwork>? now)
    {
        if (now is null)
        {
            return false;
        }

        foreach (IPNetwork subnet in now)
        {
            if (full is null || (subnet.BaseAddress.AddressFamily == full[0].BaseAddress.AddressFamily && !Contains(full, subnet)))
            {
                return true;
            }
        }
        return false;
    }

    private static bool Contains(IReadOnlyList<IPNetwork> subnets, IPNetwork subnet)
    {
        foreach (IPNetwork one in subnets)
        {
            if (one.Equals(subnet))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Something that etcd is asked, with what this host is and publishes.</summary>
    private delegate Task Question(LeaseManager manager, NodeFile? node, Func<LeaseAttributes> publish, CancellationToken cancel);
}
