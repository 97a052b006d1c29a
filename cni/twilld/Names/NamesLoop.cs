using System.Net;
using Twill.Cluster;
using Twill.Host.Ports;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent.Names;

/// <summary>
/// Names of containers: follows those of this host, answers for all of them at the gateway addresses, and keeps them in
/// <c>names.json</c>. What other hosts have comes by <see cref="NamePublication"/>, where the network has an etcd.
/// </summary>
internal sealed class NamesLoop : IDisposable
{
    private static readonly TimeSpan s_settle = TimeSpan.FromMilliseconds(2),
        s_lookInterval = TimeSpan.FromSeconds(1),
        s_early = TimeSpan.FromMilliseconds(20),
        s_relistInterval = TimeSpan.FromSeconds(30);

    private readonly NetworkContext _context;
    private readonly NamesConf _conf;
    private readonly NameDirectory _directory;
    private readonly NameTable _table;
    private readonly NameFigures _figures = new();
    private readonly AsyncSignal _changed = new();
    private readonly LocalNames _local;
    private readonly NameServers _servers;
    private readonly TableId _firewall;
    private readonly Condition _condition;
    private long _writtenVersion = -1;
    private long? _written,
        _relisted;

    /// <param name="context">The network.</param>
    /// <param name="conf">Its names.</param>
    /// <param name="directory">The names of all networks.</param>
    /// <param name="etcd">etcd; null when the network does without.</param>
    internal NamesLoop(NetworkContext context, NamesConf conf, NameDirectory directory, EtcdClient? etcd)
    {
        (_context, _conf, _directory) = (context, conf, directory);
        _firewall = new TableId(NftFamily.Inet, DeviceNames.NftTable(context.Conf.Name));
        _table = new NameTable(context.Conf.Ipam.Ranges);
        _local = new LocalNames(context.State, _changed);
        _condition = context.NewCondition(ConditionName.Names);
        NameAnswers answers = new(conf, directory, _figures);
        NameService service = new(answers, new Forwarder(new HostResolvers(directory)), _table, directory, _figures);
        _servers = new NameServers(context.Conf, service);
        if (etcd is not null && context.Conf.Ipam.Etcd is { } from)
        {
            NameKeys keys = new(new Keys(from.Prefix), conf);
            Publication = new NamePublication(context, _table, new NameStore(etcd, keys), new NamePlan(keys), _changed);
        }
    }

    /// <summary>What joins the names of all hosts; null when the network has no etcd.</summary>
    internal NamePublication? Publication { get; }

    /// <summary>How many names and addresses are known. From any thread.</summary>
    internal int Count => _table.Current.Count;

    /// <summary>What became of queries. From any thread.</summary>
    internal IReadOnlyList<(string Result, long Count)> Queries => _figures.All;

    /// <summary>Takes away what is left of names that the network had before.</summary>
    internal static void RemoveFormer(NetworkContext context)
    {
        if (!File.Exists(context.State.NamesPath))
        {
            return;
        }

        try
        {
            using NftSocket nft = NftSocket.Open();
            NameRedirect.Remove(nft, context.Conf.Name);
            File.Delete(context.State.NamesPath);
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            context.Log.Warning($"what is left of names cannot be removed: {e.Message}");
        }
    }

    /// <summary>Takes a change in the kernel. From any thread.</summary>
    internal void Take(in NetworkChange change)
    {
        _local.Take(in change);
        if (change.Table == _firewall && (change.Set is null || change.IsRemoval))
        {
            _servers.LookAgain();
            _changed.Set();
        }
    }

    /// <summary>Answers until stopped. Before the first wait it does what it can: a restart is not noticed.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        _directory.Add(_context.Conf, _conf, _table);
        try
        {
            ReadFile();
            while (true)
            {
                Step();
                await _changed.WaitAsync(_servers.Addresses.Count == 0 ? s_early : s_lookInterval, s_settle, stop).ConfigureAwait(false);
            }
        }
        finally
        {
            _directory.Remove(_conf);
            _servers.Dispose();
        }
    }

    public void Dispose() => _local.Dispose();

    private void Step()
    {
        try
        {
            if (_relisted is not { } relisted || _context.Clock.GetElapsedTime(relisted) >= s_relistInterval)
            {
                _relisted = _context.Clock.GetTimestamp();
                _local.TouchAll();
            }

            if (_local.Refresh() && _table.ReplaceLocal(_local.All))
            {
                Publication?.LocalChanged();
            }

            _table.Silent = _context.Snapshots.Current.Reachability.SilentSubnets;
            bool moved = _servers.Ensure(Gateways(), out string? failure);
            if (moved)
            {
                _directory.SetServers(_conf, _servers.Addresses);
            }

            WriteFile(moved);
            Report(failure);
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            _local.TouchAll();
            Report(e.Message);
        }
    }

    private void Report(string? failure)
    {
        if (failure == _condition.Message)
        {
            return;
        }

        if (failure is null)
        {
            _condition.Resolve();
        }
        else
        {
            _condition.Raise(failure, LogLevel.Error);
        }

        _context.Reconcile.Add(ReconcileReason.Host); // which writes agent.json
    }

    /// <summary>The gateway addresses of the subnets that this host holds, also before the lease is adopted.</summary>
    private List<IPAddress> Gateways()
    {
        IReadOnlyList<IPNetwork> subnets = _context.Snapshots.Current.LocalSubnets;
        if (subnets.Count == 0)
        {
            subnets = SubnetFile.TryRead(_context.State, out _)?.Subnets ?? [];
        }

        return [.. subnets.Select(_context.Conf.Ipam.GatewayOf)];
    }

    /// <summary>What a former agent knew of other hosts.</summary>
    private void ReadFile()
    {
        NamesFile? file = NamesFile.TryRead(_context.State, out string? problem);
        _context.Log.WarningIfAny(problem);
        if (file is not null && file.Domain == _conf.Domain && Publication is not null && _table.Remote.Count == 0)
        {
            _table.ReplaceRemote(file.Remote);
        }
    }

    /// <summary>At most once a second, for it has all names.</summary>
    private void WriteFile(bool moved)
    {
        long version = _table.Version;
        bool isSoon = _written is { } written && _context.Clock.GetElapsedTime(written) < s_lookInterval;
        if ((version == _writtenVersion || isSoon) && !moved)
        {
            return;
        }

        new NamesFile
        {
            Domain = _conf.Domain,
            Servers = _servers.Addresses,
            Local = _table.Local,
            Remote = _table.Remote,
        }.Write(_context.State);
        (_writtenVersion, _written) = (version, _context.Clock.GetTimestamp());
    }
}
