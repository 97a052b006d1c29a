using System.Net;

namespace Twill.Cluster;

/// <content>Whether it is this host alone that has its node id, and this network alone that has its prefix.</content>
public sealed partial class LeaseStore
{
    private long _claimLease;
    private string? _disputedBy;
    private HostInstance? _instance;
    private LeaseAttributes? _published; // what this process has found or made its keys to say
    private readonly Dictionary<string, long> _seen = []; // the revisions at which they did

    /// <summary>What tells this host from a copy of it; null: it is not told.</summary>
    public HostInstance? Instance
    {
        get => _instance;
        init => _instance = value;
    }

    /// <summary>How long another host with this node id is waited for: as many looks,</summary>
    internal int ClaimLooks { get; init; } = 10;

    /// <summary>with this pause before each.</summary>
    internal TimeSpan ClaimPause { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Seconds that a claim outlives its host: twice the longest pause of the agent's lease loop.</summary>
    internal long ClaimTtl { get; init; } = 30;

    /// <summary>For the model of the protocol: what is known of another host with this node id from one call to the next.</summary>
    internal (long ClaimLease, bool IsDisputed) DisputeState => (_claimLease, _disputedBy is not null);

    /// <summary>For the model: what this process knows its keys to say.</summary>
    internal (bool IsPublished, IReadOnlyCollection<long> Seen) PublishedState => (_published is not null, _seen.Values);

    /// <summary>Whether the deadline of a lease has to be brought forward to this moment: nothing may be handed out any more.</summary>
    internal HeldLease Fenced(HeldLease held) => held with { Deadline = Math.Min(held.Deadline, _clock()) };

    /// <summary>Throws when what etcd holds shows that nothing may be leased here; reads only.</summary>
    /// <param name="held">What the host holds; null: nothing.</param>
    /// <param name="self">What it publishes.</param>
    /// <param name="cancel">Breaks off.</param>
    /// <exception cref="ClusterException">IdentityConflict, or ConfigMismatch: the prefix is another network's of this host.</exception>
    internal async Task ThrowIfDisputedAsync(HeldLease? held, LeaseAttributes self, CancellationToken cancel)
    {
        ClusterView view = await ViewAsync(cancel).ConfigureAwait(false);
        ThrowIfOtherNetworks(view);
        if (Judge(view, held?.LeaseId ?? 0, self, held is not null) is { IsCertain: true } dispute)
        {
            throw Copied(dispute.Other, self);
        }
    }

    /// <summary>
    /// Two hosts with one node id must not take the subnet from each other. Each has an incarnation of its own, which stands in what etcd
    /// remembers of the node. A host that finds another's there, and that one's keys alive, claims the id and writes the other's key again
    /// as it is, which wakes the other's agent. That one finds the claim, makes its own, and neither hands out addresses while both claims
    /// live. When nobody answers it may be this host itself, before its reboot and under its former address, or one without an agent, or
    /// cut off from etcd. What that one has is not touched while its etcd lease lives: this host leases another subnet.
    /// <para>
    /// Two running copies of one snapshot of a machine's memory have one incarnation as well, and one etcd lease. The one whose key another
    /// wrote makes a new incarnation, and asks in the same way; when nobody answers, it writes its key as it was.
    /// </para>
    /// </summary>
    /// <param name="view">What etcd holds.</param>
    /// <param name="lease">The etcd lease that this host has, or is about to use.</param>
    /// <param name="self">What this host publishes.</param>
    /// <param name="holds">Whether it held the lease in this boot before.</param>
    /// <param name="cancel">Breaks off.</param>
    /// <param name="stranger">See <see cref="FindStrangerAsync"/>.</param>
    /// <returns>The view to go on with, and the etcd lease by which a host lives that may be another; 0: there is none.</returns>
    /// <exception cref="ClusterException">IdentityConflict, or ConfigMismatch: the prefix is another network's of this host.</exception>
    private async Task<(ClusterView View, long Foreign)> ClaimIdentityAsync(
        ClusterView view,
        long lease,
        LeaseAttributes self,
        bool holds,
        CancellationToken cancel,
        string? stranger = null
    )
    {
        ThrowIfOtherNetworks(view);
        if (_claimLease == 0)
        {
            // etcd did not hear that it was to end, or the run of this program that made it did not live to say so.
            _claimLease = FindOwnClaim(view, self)?.Lease ?? 0;
        }

        Dispute? dispute = Judge(view, lease, self, holds, stranger);
        if (dispute is not null)
        {
            if (stranger is not null && _claimLease == 0)
            {
                _instance = _instance!.Anew();
            }

            await ClaimAsync(view, self, cancel).ConfigureAwait(false);
        }

        for (int look = 0; dispute is { IsCertain: false } && look < ClaimLooks; look++)
        {
            await Task.Delay(ClaimPause, cancel).ConfigureAwait(false);
            view = await ViewAsync(cancel).ConfigureAwait(false);
            dispute = Judge(view, lease, self, holds, stranger);
        }

        if (dispute is { IsCertain: true })
        {
            _disputedBy = dispute.Other;
            throw Copied(dispute.Other, self);
        }

        if (_claimLease != 0)
        {
            await RevokeAsync(_claimLease).ConfigureAwait(false);
        }

        (_claimLease, _disputedBy) = (0, null);
        return (view, dispute is not null && !holds ? view.Own.Lease : 0);
    }

    /// <summary>The claim that this host has made and that still stands; null: none does.</summary>
    private NodeClaim? FindOwnClaim(ClusterView view, LeaseAttributes self) =>
        AddressOf(self) is { Length: > 0 } address
            ? view.Claims.Find(claim => claim.Incarnation == Instance?.Incarnation && claim.PublicIP == address)
            : null;

    /// <summary>Who else has this node id; null: nobody.</summary>
    private Dispute? Judge(ClusterView view, long lease, LeaseAttributes self, bool holds, string? stranger = null)
    {
        if (Instance is not { } instance)
        {
            return null;
        }

        if (view.Claims.Find(claim => claim.Incarnation != instance.Incarnation) is { } claim)
        {
            return new Dispute(claim.PublicIP, true);
        }

        if (stranger is not null)
        {
            return new Dispute(stranger, false);
        }

        NodeMemory own = view.Own;
        if (own.Incarnation == "" || own.Incarnation == instance.Incarnation || own.Lease == lease || !view.IsOwnAlive())
        {
            return null;
        }

        string address = AddressOf(self);
        bool isElsewhere =
            address != ""
            && own.PublicIP is not ("" or "0.0.0.0")
            && own.PublicIP != address
            && !instance.IsLocal(own.PublicIP);
        if (holds)
        {
            // What changed hands while it was held. At the same address it may be an older state of etcd that somebody restored.
            return new Dispute(own.PublicIP, isElsewhere);
        }

        // At the same address it is this host before its reboot, or before it lost /run. Who was in a dispute waits for its end, not
        // for the other's reboot.
        return isElsewhere ? new Dispute(own.PublicIP, _disputedBy is not null) : null;
    }

    /// <summary>
    /// The address that a key of this host's own etcd lease says, although this process made it say this host's, and it is not on any of
    /// its devices; null: there is none. Only who has the same lease writes such a key: somebody by hand, or this host's twin.
    /// </summary>
    private async Task<string?> FindStrangerAsync(
        ClusterView view,
        long lease,
        IReadOnlyList<SubnetKey> subnets,
        LeaseAttributes self,
        CancellationToken cancel
    )
    {
        if (Instance is not { } instance || _published is not { } published)
        {
            return null;
        }

        foreach (SubnetKey subnet in subnets)
        {
            string key = Keys.Subnet(subnet);
            if (
                view.Find(key) is not { } found
                || found.Lease != lease
                || _seen.GetValueOrDefault(key) == found.ModRevision
                || await _etcd.GetAsync(key, cancel).ConfigureAwait(false) is not { } kv
                || kv.Lease != lease
            )
            {
                continue;
            }

            string there = LeaseAttributes.TryParse(kv.Value, out LeaseAttributes said, out _) ? AddressOf(said) : "";
            if (there != "" && there != AddressOf(self) && there != AddressOf(published) && !instance.IsLocal(there))
            {
                return there;
            }

            _seen[key] = kv.ModRevision;
        }

        return null;
    }

    /// <summary>Makes the claim of this host, unless it stands already. As long as the other has none, its agent is woken by its key: it
    /// may have slept over the first time, or its claim of a former dispute may have stood then.</summary>
    private async Task ClaimAsync(ClusterView view, LeaseAttributes self, CancellationToken cancel)
    {
        bool stands = view.Claims.Exists(claim => claim.Incarnation == Instance!.Incarnation);
        if (_claimLease != 0 && (await _etcd.LeaseKeepAliveAsync(_claimLease, cancel).ConfigureAwait(false)).Ttl <= 0)
        {
            (_claimLease, stands) = (0, false);
        }

        bool isAnswered = view.Claims.Exists(claim => claim.Incarnation != Instance!.Incarnation);
        if (stands && isAnswered)
        {
            return;
        }

        if (_claimLease == 0)
        {
            _claimLease = (await _etcd.LeaseGrantAsync(ClaimTtl, cancel).ConfigureAwait(false)).Id;
        }

        string claimKey = Keys.Claim(_nodeId, Instance!.Incarnation);
        EtcdOp claim = EtcdOp.Put(claimKey, NodeClaim.Write(AddressOf(self)), _claimLease);
        foreach (SubnetKey subnets in view.Own.Subnets)
        {
            string key = Keys.Subnet(subnets);
            if (
                !isAnswered
                && view.Find(key) is { Lease: not 0 }
                && await _etcd.GetAsync(key, cancel).ConfigureAwait(false) is { Lease: not 0 } found
            )
            {
                EtcdTxn wake = new EtcdTxn()
                    .IfModRevision(key, found.ModRevision)
                    .Then(claim)
                    .Then(EtcdOp.Put(key, found.Value, found.Lease));
                if ((await _etcd.TxnAsync(wake, cancel).ConfigureAwait(false)).Succeeded)
                {
                    return;
                }
            }
        }

        await _etcd.TxnAsync(new EtcdTxn().Then(claim), cancel).ConfigureAwait(false);
    }

    private async Task ThrowIfSharedAsync(CancellationToken cancel)
    {
        if (Instance is not { } instance)
        {
            return;
        }

        ClusterView view = await ViewAsync(cancel).ConfigureAwait(false);
        ThrowIfOtherNetworks(view);
        if (view.Claims.Find(claim => claim.Incarnation != instance.Incarnation) is { } claim)
        {
            throw Copied(claim.PublicIP, LeaseAttributes.Alloc());
        }
    }

    private void ThrowIfOtherNetworks(ClusterView view)
    {
        string other = view.Own.Network;
        if (Instance is { } instance && other != "" && other != instance.Network && view.IsOwnAlive() && instance.IsHeldHere(other))
        {
            throw new ClusterException(
                ClusterErrorKind.ConfigMismatch,
                $"prefix {Keys.Prefix} in etcd is that of this host's network '{other}', which holds "
                    + $"{string.Join(", ", SubnetKey.Prefixes(view.Own.Subnets))} there: two networks cannot share a prefix, and nothing "
                    + $"is written for '{instance.Network}'; give it a prefix of its own (ipam.etcd.prefix), or leave that out for /twill/"
                    + $"{instance.Network}. If '{other}' is the former name of this network, `twill cleanup` forgets it"
            );
        }
    }

    private ClusterException Copied(string other, LeaseAttributes self)
    {
        string here = AddressOf(self) is { Length: > 0 } address ? $"this host at {address}" : "this host";
        return new ClusterException(
            ClusterErrorKind.IdentityConflict,
            $"two hosts have the node id {_nodeId}, as a copy of a disk or image has: {here}, and one at "
                + $"{(other == "" ? "another address" : other)}. Neither hands out addresses as long as both claim it "
                + $"({Keys.Node(_nodeId)}); containers that run go on. On the host that is the copy run: {Instance!.Remedy}"
        );
    }

    private static string AddressOf(LeaseAttributes self) =>
        !self.PublicIP.Equals(IPAddress.Any) ? self.PublicIP.ToString() : self.PublicIPv6?.ToString() ?? "";

    /// <summary>Another host with this node id.</summary>
    /// <param name="Other">Its address.</param>
    /// <param name="IsCertain">Whether it is known to live; else it may have been this host.</param>
    private sealed record Dispute(string Other, bool IsCertain);
}
