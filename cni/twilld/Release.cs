using System.Net;
using Twill.Cluster;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>
/// <c>twilld --release</c>: this host leaves. Its subnets are given back in etcd, so that others may have them at once, and etcd forgets
/// that they were this host's. Nothing in the kernel is touched.
/// </summary>
internal sealed class Release(AgentOptions options, StateDir state, Log log)
{
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Leaves every network that the configuration names.</summary>
    /// <returns>Whether this host holds nothing in any of them now.</returns>
    internal async Task<bool> RunAsync(CancellationToken stop)
    {
        NetworkCatalog catalog = NetworkCatalog.Load(options);
        bool good = catalog.Problems.Count == 0;
        foreach (string problem in catalog.Problems)
        {
            log.Error(problem);
        }

        foreach (FoundNetwork network in catalog.Networks.Where(n => n.Conf.Ipam.Etcd is not null))
        {
            Log told = log.ForNetwork(network.Conf.Name);
            try
            {
                good &= await LeaveAsync(network.Conf, told, stop).ConfigureAwait(false);
            }
            catch (Exception e)
                when (e
                        is EtcdException
                            or ClusterException
                            or TimeoutException
                            or IOException
                            or UnauthorizedAccessException
                            or CniException
                )
            {
                told.Error($"{e.Message}; run this again when that is over");
                good = false;
            }
        }

        return good;
    }

    private async Task<bool> LeaveAsync(TwillConf conf, Log told, CancellationToken stop)
    {
        NetworkStateDir at = state.Network(conf.Name);
        if (RunningAgent(at) is { } pid)
        {
            told.Error(
                $"the agent (twilld, pid {pid}) runs, and would lease a subnet again at once: stop it first (systemctl disable --now "
                    + $"twilld); nothing is given back"
            );
            return false;
        }

        if (NodeIdentity.KnownNodeId(conf.Ipam.DataDir) is not { } nodeId)
        {
            told.Info($"nothing to give back: {conf.Ipam.DataDir} holds no identity by which this host could have leased");
            return true;
        }

        using EtcdClient etcd = new(LeaseMapper.Options(conf.Ipam.Etcd!));
        LeaseStore store = new(etcd, conf.Ipam.Etcd!.Prefix, nodeId, () => BootClock.Now)
        {
            Instance = LeaseMapper.Instance(conf, state, BootClock.BootId),
        };
        using FileLock held = await Task.Run(() => at.Lock(LockTimeout), stop).ConfigureAwait(false);
        SubnetFile? file = SubnetFile.TryRead(at, out _);
        HeldLease? lease = LeaseMapper.Held(file, conf.Name, nodeId, BootClock.BootId);

        // Asked first: when etcd does not answer, this host still holds what it held.
        IReadOnlyList<IPNetwork> subnets = SubnetKey.Prefixes([
            .. (await store.RememberedAsync(stop).ConfigureAwait(false)).Union(lease?.Subnets ?? []),
        ]);

        // twill-ipam looks into this file once more behind each record that it writes. So either it finds the file gone and takes its
        // record back, or the record is here before the file goes, and found below.
        File.Delete(at.SubnetPath);
        if (!options.Force && AddressRecords.InUse(conf.Ipam.DataDir, conf.Name, subnets, BootClock.BootId) is { Count: > 0 } used)
        {
            file?.Write(at);
            told.Error(
                $"containers of this host still have addresses: "
                    + $"{string.Join(", ", used.Take(3))}{(used.Count > 3 ? $" and {used.Count - 3} more" : "")}. "
                    + "Another host would be given the same: stop them first, or cut them off with --force; nothing is given back"
            );
            return false;
        }

        // From here on the file stays away, whatever becomes of this: etcd may have done what it did not answer.
        await store.ReleaseAsync(lease, stop).ConfigureAwait(false);
        told.Info(subnets.Count == 0 ? "nothing to give back: this host holds no subnet" : $"given back: {string.Join(", ", subnets)}");
        return true;
    }

    private static int? RunningAgent(NetworkStateDir at)
    {
        if (AgentFile.TryRead(at, out _) is not { } agent || agent.Pid == Environment.ProcessId)
        {
            return null;
        }

        try
        {
            return File.ReadAllText($"/proc/{agent.Pid}/comm").Trim() == "twilld" ? agent.Pid : null;
        }
        catch (IOException)
        {
            return null; // it has ended
        }
    }
}
