using System.Net;
using Twill.System;

namespace Twill.Cluster;

/// <content>Keeping what is leased.</content>
public sealed partial class LeaseStore
{
    /// <summary>Seconds after which keys that nothing changed are written again, as often as flannel writes its own. A host of flannel's
    /// that missed a change, because its watch fell behind a compaction, keeps what it had until it sees the key written.</summary>
    private const double RewriteAfter = 23 * 3600;

    private long _raisedTtl;
    private double _remembered = double.NegativeInfinity,
        _written;

    /// <summary>Keeps the etcd lease alive and looks that every key is still this node's. A key that is gone is written anew if nobody took
    /// the subnet (under a new etcd lease when that is gone too); a key of somebody else is never overwritten: its subnet is reported as
    /// lost. What the node leased without hearing of it (the answer to <see cref="GrowAsync"/> was lost) is given back. Once a day every
    /// key is written again.</summary>
    /// <param name="held">What the node holds, from this process or read back from its state file.</param>
    /// <param name="attributes">What to publish if a key has to be written anew.</param>
    /// <param name="cancel">Breaks off; what was held stays held until its deadline.</param>
    /// <exception cref="EtcdException">etcd could not be asked: the old deadline stands.</exception>
    public Task<RenewResult> RenewAsync(HeldLease held, LeaseAttributes attributes, CancellationToken cancel = default) =>
        RenewAsync(held, attributes, held.Ttl, cancel);

    /// <summary>The same, and when the lease is to last for another time from now on, under a new etcd lease.</summary>
    /// <param name="held">What the node holds.</param>
    /// <param name="attributes">What to publish if a key has to be written anew.</param>
    /// <param name="ttl">Seconds that a lease is to last without renewal.</param>
    /// <param name="cancel">Breaks off; what was held stays held until its deadline.</param>
    /// <exception cref="EtcdException">etcd could not be asked: the old deadline stands.</exception>
    public async Task<RenewResult> RenewAsync(HeldLease held, LeaseAttributes attributes, long ttl, CancellationToken cancel)
    {
        try
        {
            return await RenewOnceAsync(held, attributes, ttl, cancel).ConfigureAwait(false);
        }
        catch (EtcdException e) when (e.Kind == EtcdErrorKind.LeaseNotFound)
        {
            // It ran out between the keep-alive and the write: the second round finds it gone and takes a new one.
            return await RenewOnceAsync(held, attributes, ttl, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>Keeps the etcd lease alive and writes nothing: while etcd and this node do not agree on what the network is. When the lease
    /// or a key is gone, the old deadline stands.</summary>
    /// <param name="held">What the node holds.</param>
    /// <param name="attributes">What it publishes, by which a key that somebody wrote by hand is known as its own; null: unknown.</param>
    /// <param name="cancel">Breaks off; what was held stays held until its deadline.</param>
    /// <exception cref="EtcdException">etcd could not be asked: the old deadline stands.</exception>
    public async Task<RenewResult> KeepAliveAsync(
        HeldLease held,
        LeaseAttributes? attributes = null,
        CancellationToken cancel = default
    )
    {
        double sent = _clock();
        LeaseGrant grant = await _etcd.LeaseKeepAliveAsync(held.LeaseId, cancel).ConfigureAwait(false);
        ClusterView view = await ViewAsync(cancel).ConfigureAwait(false);
        bool isWhole = grant.Ttl > 0;
        List<SubnetKey> kept = [],
            lost = [];
        foreach (SubnetKey subnet in held.Subnets)
        {
            string key = Keys.Subnet(subnet);
            KeyValue? found = view.Find(key);
            isWhole &= found?.Lease == held.LeaseId;
            bool isOurs = found is null
                ? !view.IsOverlapped(subnet, key)
                : IsOurs(found, subnet, view, held.LeaseId)
                    || (attributes is not null && await IsTouchedAsync(found, subnet, view, attributes, cancel).ConfigureAwait(false));
            (isOurs ? kept : lost).Add(subnet);
        }

        double deadline = isWhole ? sent + grant.Ttl : held.Deadline;
        return new RenewResult(held with { Deadline = deadline, Subnets = kept }, lost, []);
    }

    /// <summary>Whether etcd shows a subnet of this lease as published by a host with these addresses, and no two hosts dispute whose it
    /// is.</summary>
    /// <param name="held">The lease.</param>
    /// <param name="nodeId">The node id that it was leased under.</param>
    /// <param name="host">What the host publishes.</param>
    /// <param name="cancel">Breaks off.</param>
    public async Task<bool> IsPublishedByAsync(
        HeldLease held,
        string nodeId,
        LeaseAttributes host,
        CancellationToken cancel = default
    )
    {
        if (
            (host.PublicIP.Equals(IPAddress.Any) && host.PublicIPv6 is null)
            || (await _etcd.RangeAsync(EtcdRange.Prefix(Keys.Claims(nodeId)), cancel).ConfigureAwait(false)).Items.Count > 0
        )
        {
            return false;
        }

        foreach (SubnetKey subnet in held.Subnets)
        {
            if (
                await _etcd.GetAsync(Keys.Subnet(subnet), cancel).ConfigureAwait(false) is { } kv
                && kv.Lease == held.LeaseId
                && LeaseAttributes.TryParse(kv.Value, out LeaseAttributes published, out _)
                && published.HasAddressOf(host)
            )
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Publishes changed attributes under the same lease, each key compared with what it was: no write when nothing
    /// differs.</summary>
    public async Task<RenewResult> RepublishAsync(HeldLease held, LeaseAttributes attributes, CancellationToken cancel = default)
    {
        byte[] wanted = attributes.ToJson();
        bool same = true;
        foreach (SubnetKey subnet in held.Subnets)
        {
            KeyValue? kv = await _etcd.GetAsync(Keys.Subnet(subnet), cancel).ConfigureAwait(false);
            same &= kv is not null && kv.Lease == held.LeaseId && kv.Value.Span.SequenceEqual(wanted);
        }
        if (same)
        {
            _published = attributes;
            return new RenewResult(held, [], []);
        }

        HoldResult now = await HoldAsync(
                held.Subnets,
                held.LeaseId,
                attributes,
                rewrite: true,
                refreshMemory: true,
                holds: true,
                cancel
            )
            .ConfigureAwait(false);
        _published = attributes;
        return new RenewResult(held with { Subnets = now.Held }, now.Lost, now.Restored);
    }

    private async Task<RenewResult> RenewOnceAsync(HeldLease held, LeaseAttributes attributes, long ttl, CancellationToken cancel)
    {
        double sent = _clock();
        LeaseGrant grant = await _etcd.LeaseKeepAliveAsync(held.LeaseId, cancel).ConfigureAwait(false);
        bool isGone = grant.Ttl <= 0,
            isNew = isGone;
        if (isGone || (ttl != held.Ttl && ttl != _raisedTtl))
        {
            double sentAnew = _clock();
            LeaseGrant anew = await _etcd.LeaseGrantAsync(ttl, cancel).ConfigureAwait(false);
            if (!isGone && anew.Ttl == held.Ttl)
            {
                // etcd grants no shorter one. There is nothing to change, nor to try again.
                _raisedTtl = ttl;
                await RevokeAsync(anew.Id).ConfigureAwait(false);
            }
            else
            {
                (sent, grant, isNew) = (sentAnew, anew, true);
            }
        }
        try
        {
            bool refresh = isNew || sent - _remembered >= grant.Ttl / 3.0,
                rewrite = sent - _written >= RewriteAfter;
            HoldResult now = await HoldAsync(held.Subnets, grant.Id, attributes, rewrite, refresh, holds: true, cancel, held.LeaseId)
                .ConfigureAwait(false);
            if (refresh)
            {
                _remembered = sent;
            }

            if (rewrite)
            {
                _written = sent;
            }

            if (isNew && !isGone)
            {
                await RevokeAsync(held.LeaseId).ConfigureAwait(false);
            }

            return new RenewResult(new HeldLease(grant.Id, grant.Ttl, sent + grant.Ttl, now.Held), now.Lost, now.Restored);
        }
        catch when (isNew)
        {
            await RevokeAsync(grant.Id).ConfigureAwait(false);
            throw;
        }
    }

    private sealed record HoldResult(IReadOnlyList<SubnetKey> Held, IReadOnlyList<SubnetKey> Lost, IReadOnlyList<SubnetKey> Restored);

    /// <summary>Makes these subnets' keys live by this lease, as far as they are this node's or free, and remembers them: all in one
    /// transaction under compares of what was seen.</summary>
    private async Task<HoldResult> HoldAsync(
        IReadOnlyList<SubnetKey> subnets,
        long lease,
        LeaseAttributes attributes,
        bool rewrite,
        bool refreshMemory,
        bool holds,
        CancellationToken cancel,
        long former = 0
    )
    {
        byte[] value = attributes.ToJson();
        List<SubnetKey> written = [];
        for (int tries = 0; tries < MaxAttempts; tries++)
        {
            ClusterView view = await ViewAsync(cancel).ConfigureAwait(false);
            if (holds)
            {
                string? stranger = await FindStrangerAsync(view, lease, subnets, attributes, cancel).ConfigureAwait(false);
                (view, _) = await ClaimIdentityAsync(view, lease, attributes, holds, cancel, stranger).ConfigureAwait(false);
                rewrite |= stranger is not null; // nobody has answered: it was somebody's hand, or a host that is gone
            }
            else if (Judge(view, lease, attributes, holds) is not null)
            {
                return new HoldResult([], [], []); // a copy of this host was faster: the caller looks again, and asks who it is
            }

            List<SubnetKey> held = [],
                lost = [],
                restored = [];
            var txn = new EtcdTxn();
            bool writes = false,
                givesUp = false;
            foreach (SubnetKey subnet in subnets)
            {
                string key = Keys.Subnet(subnet);
                KeyValue? found = view.Find(key);
                bool isOurs = found is not null
                    && (
                        IsOurs(found, subnet, view, lease)
                        || (former != 0 && found.Lease == former)
                        || await IsTouchedAsync(found, subnet, view, attributes, cancel).ConfigureAwait(false)
                    );
                if (found is null && !view.IsOverlapped(subnet, key))
                {
                    txn.IfPrefixAbsent(Keys.SubnetPrefix(subnet.Subnet)).Then(EtcdOp.Put(key, value, lease));
                    restored.Add(subnet);
                    writes = true;
                }
                else if (isOurs && view.IsOverlapped(subnet, key, before: found!.CreateRevision))
                {
                    // Whoever wrote it could not look for overlaps any more, as etcd did not answer. The older key stays.
                    AddDelete(txn, found);
                    lost.Add(subnet);
                    writes = givesUp = true;
                    continue;
                }
                else if (isOurs && found!.Lease == lease && !rewrite)
                {
                    txn.IfLease(key, lease);
                }
                else if (isOurs)
                {
                    txn.IfModRevision(key, found!.ModRevision).Then(EtcdOp.Put(key, value, lease));
                    writes = true;
                }
                else
                {
                    lost.Add(subnet);
                    writes = true;
                    continue;
                }
                held.Add(subnet);
            }
            foreach (SubnetKey subnet in view.Own.Subnets)
            {
                // Leased by a call whose answer never came: nobody here knows of it, and it would live as long as the lease.
                if (
                    Contains(subnets, subnet)
                    || view.Find(Keys.Subnet(subnet)) is not { } unknown
                    || !IsOurs(unknown, subnet, view, lease)
                )
                {
                    continue;
                }

                AddDelete(txn, unknown);
                writes = givesUp = true;
            }
            if (!writes && !refreshMemory)
            {
                return new HoldResult(held, lost, held.FindAll(written.Contains));
            }

            Remember(txn, view.Own, attributes, lease, held);
            try
            {
                if (await TryCommitAsync(txn, tries, cancel).ConfigureAwait(false) is null)
                {
                    continue;
                }
            }
            catch (EtcdException e) when (e.Kind == EtcdErrorKind.NoSpace && !writes)
            {
                // A full etcd still keeps leases alive. That only the memory could not be refreshed must not end this one.
                return new HoldResult(held, lost, held.FindAll(written.Contains));
            }
            written.AddRange(restored);
            bool keepsAll = true;
            foreach (SubnetKey subnet in restored)
            {
                IReadOnlyList<SubnetKey> others = held.FindAll(s => !s.Equals(subnet));
                keepsAll &= await KeepUnlessOverlappedAsync(subnet, lease, others, attributes, cancel).ConfigureAwait(false);
            }
            // A key that is not kept gave way to an older one, or is gone with its lease: the next look tells which.
            if (keepsAll && (!givesUp || held.Count == 0))
            {
                return new HoldResult(held, lost, held.FindAll(written.Contains));
            }

            // With the one key flannel's hosts remove the forwarding entry of this host's MAC, which the keys that stay share, and make it
            // again when they see one of those written.
            rewrite = true;
        }
        throw new ClusterException(
            ClusterErrorKind.Contended,
            $"the keys of this node under {Keys.Subnets} change too fast to be renewed; try again later"
        );
    }

    private static void AddDelete(EtcdTxn txn, KeyValue own) =>
        txn.IfModRevision(own.Key, own.ModRevision).Then(EtcdOp.Delete(EtcdRange.Of(own.Key)));

    private static bool Contains(IReadOnlyList<SubnetKey> subnets, SubnetKey subnet)
    {
        foreach (SubnetKey one in subnets)
        {
            if (one.Equals(subnet))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Whether a key that etcd remembers as this node's was written by hand, as `etcdctl put` does with what it got before: it
    /// has lost its etcd lease, or got another, and still says what this node publishes. It is taken back.</summary>
    private async Task<bool> IsTouchedAsync(
        KeyValue found,
        SubnetKey subnet,
        ClusterView view,
        LeaseAttributes self,
        CancellationToken cancel
    ) =>
        view.Own.Subnets.Contains(subnet)
        && !view.IsTakenOver(subnet, found.Lease)
        && (
            await _etcd.GetAsync(found.Key, cancel).ConfigureAwait(false) is not { } kv // gone meanwhile: whoever writes it compares
            || (LeaseAttributes.TryParse(kv.Value, out LeaseAttributes published, out _) && published.IsOf(self))
        );

    /// <summary>By this lease, or by the one that etcd remembers for this node together with the subnet: a lease of ours from before a
    /// reboot. A key without a lease is a reservation and never ours.</summary>
    private static bool IsOurs(KeyValue found, SubnetKey subnet, ClusterView view, long lease) =>
        found.Lease != 0
        && (
            found.Lease == lease
            || (found.Lease == view.Own.Lease && view.Own.Subnets.Contains(subnet) && !view.IsTakenOver(subnet, found.Lease))
        );
}
