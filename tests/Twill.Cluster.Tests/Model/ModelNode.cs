using System.Globalization;
using System.Net;
using Twill.Network.State;

namespace Twill.Cluster.Tests.Model;

/// <summary>A host: the real <see cref="LeaseManager"/> over the real <see cref="LeaseStore"/>, used as twill-ipam and twilld use them,
/// and what stands in the host's state file.</summary>
internal sealed class ModelNode : ILeaseState, ILeaseLog
{
    private readonly World _world;
    private readonly LeaseAttributes _attributes;
    private readonly List<Action<List<Token>>> _history = [];
    private readonly NetworkConfig _config;
    private LeaseStore _store = null!;
    private LeaseManager _manager = null!;
    private LeaseRequest _request = null!;
    private SubnetFile? _file;
    private bool _isRenewing;
    private bool _hasReturned;
    private Task _operation = Task.CompletedTask;
    private double? _sent;
    private double _refreshed;

    public ModelNode(World world, int number, NetworkConfig config, int operations)
    {
        (_world, Number, _config, OperationsLeft) = (world, number, config, operations);
        _attributes = SharedEtcd.Host(number);
        Boot();
    }

    public int Number { get; }

    public string Id => string.Create(CultureInfo.InvariantCulture, $"node-{(_world.Scenario.IsCopied ? 1 : Number)}");

    /// <summary>The network as the node finds it in etcd.</summary>
    public NetworkConfig Config => _world.IsOpening && _world.Scenario.Before is { } before ? before : _config;

    public int OperationsLeft { get; set; }

    /// <summary>What the state file says: gone with a reboot.</summary>
    public HeldLease? Held => LeaseMapper.Held(_file, _request.Network, _request.NodeId, _request.BootId);

    /// <summary>The subnets the node had last, so long as it was not told that they are lost: what it should get back.</summary>
    public IReadOnlyList<SubnetKey> Had { get; private set; } = [];

    /// <summary>The call that waits to be carried out.</summary>
    public Call? Pending { get; private set; }

    /// <summary>The answer that is on its way.</summary>
    public Answer? Arriving { get; private set; }

    public bool IsIdle => Pending is null && Arriving is null;

    /// <summary>Whether it knows of another node with its id, and waits for a person.</summary>
    public bool IsDisputed => Error is ClusterException { Kind: ClusterErrorKind.IdentityConflict };

    /// <summary>What the last operation ended with; null: success.</summary>
    public Exception? Error { get; private set; }

    /// <summary>Calls since the operation began.</summary>
    public int CallCount { get; private set; }

    /// <summary>Subnets that only others had, in the newest view of this operation, when there were others that nobody had; else
    /// none.</summary>
    public IReadOnlyList<IPNetwork> OthersFirst { get; private set; } = [];

    /// <summary>Whether an address of this subnet may be handed out at this moment.</summary>
    public bool MayHandOut => Held is not null && (_world.Scenario.Mutation == Mutation.NoFence || _world.Now < Held.Deadline);

    /// <summary>Begins what the host's programs would do now.</summary>
    public void Start()
    {
        OperationsLeft--;
        _history.Clear();
        (CallCount, OthersFirst, Error, _sent) = (0, [], null, null);
        bool leaves = _world.Scenario.Leaving.Contains(Number) && Held is not null && !_world.IsClosing;
        _operation = leaves ? ReleaseAsync() : HoldAsync();
        Settle();
    }

    /// <summary>The pending call is carried out and answered.</summary>
    public void CallAnswered()
    {
        Call call = TakeCall();
        Arrive(call.CarryOut(_world.Store));
    }

    /// <summary>The pending call is carried out; its answer is still on the way.</summary>
    public void CallCarriedOut()
    {
        Call call = TakeCall();
        Arriving = call.CarryOut(_world.Store);
    }

    /// <summary>The late answer arrives.</summary>
    public void AnswerArrives()
    {
        Answer answer = Arriving!;
        Arriving = null;
        Arrive(answer);
    }

    /// <summary>No answer within the time limit.</summary>
    public Call CallTimesOut(bool carriedOut)
    {
        Call call = TakeCall();
        if (carriedOut)
        {
            call.CarryOut(_world.Store);
        }

        _history.Add(static tokens => tokens.Add(new Token(Meaning.Plain, -7)));
        call.Fail(new EtcdException(EtcdErrorKind.Timeout, "simulated", "no answer"));
        Settle();
        return call;
    }

    /// <summary>/run is gone, and with it whatever ran; the node's id and etcd's memory of it stay. Returns the call that was under
    /// way.</summary>
    public Call? Boot()
    {
        Call? underWay = Pending;
        (_file, Pending, Arriving, Error, CallCount, OthersFirst, _operation, _sent) = (
            null,
            null,
            null,
            null,
            0,
            [],
            Task.CompletedTask,
            null
        );
        _history.Clear();
        _refreshed = double.NegativeInfinity;
        _store = new LeaseStore(new NodeLink(this, _world.Scenario.Mutation), World.Prefix, Id, Clock, new ModelRandom(Choose))
        {
            Instance = _world.Scenario is { IsCopied: true, Mutation: not Mutation.NoIncarnation }
                ? new HostInstance(string.Create(CultureInfo.InvariantCulture, $"i{Number}"), "m", static _ => false, "")
                {
                    Renew = static former => former + "'",
                }
                : null,
            ClaimLooks = 1,
            ClaimPause = TimeSpan.Zero,
            ClaimTtl = Scenario.Ttl,
        };
        _request = new LeaseRequest("m", _config, Scenario.Ttl, Id, "this boot");
        _manager = new LeaseManager(_store, _request, this, this);
        return underWay;
    }

    /// <summary>Called by <see cref="NodeLink"/>.</summary>
    public void Calls(Call call)
    {
        if (Pending is not null)
        {
            throw new InvalidOperationException($"{Id} calls '{call.Name}' while '{Pending.Name()}' is pending");
        }

        (Pending, CallCount) = (call, CallCount + 1);
    }

    /// <summary>Called by <see cref="NodeLink"/>.</summary>
    public LeaseGrant Granted(LeaseGrant grant)
    {
        _world.GrantedTo(this, grant.Id);
        return grant;
    }

    /// <summary>Called by <see cref="NodeLink"/>: how a transaction of this node is carried out.</summary>
    public Func<SimulatedStore, TxnResult> Watched(EtcdTxn txn)
    {
        IReadOnlyList<IPNetwork> notToBeTaken = OthersFirst;
        return store =>
        {
            if (txn.WritesNothing)
            {
                OthersFirst = _world.NotToBeTaken(this);
            }

            TxnResult result = store.Txn(txn);
            if (result.Succeeded)
            {
                _world.Watch(this, txn, notToBeTaken);
            }

            return result;
        };
    }

    public void Describe(Fingerprint f)
    {
        List<Token> tokens = [new(Meaning.Begin, 0), new(Meaning.Node, Number), new(Meaning.Plain, OperationsLeft)];
        f.Add(tokens);
        tokens.Clear();
        f.Add(Held is null ? 0 : 1);
        if (Held is not null)
        {
            f.Add(Meaning.Lease, Held.LeaseId);
            f.Add((long)Math.Max(0, Held.Deadline - _world.Now));
            foreach (SubnetKey subnet in Held.Subnets)
            {
                Fingerprint.Describe(subnet, tokens);
            }
        }
        tokens.Add(new Token(Meaning.Plain, -2));
        foreach (SubnetKey subnet in Had)
        {
            Fingerprint.Describe(subnet, tokens);
        }

        f.Add(tokens);
        f.Add(Meaning.Time, double.IsNegativeInfinity(_refreshed) ? -100 : (long)_refreshed);
        f.Add(
            IsIdle ? 0
            : Arriving is null ? 1
            : 2
        );
        f.Add(Error is ClusterException ? 1 : 0);
        f.Add(Meaning.Lease, _store.DisputeState.ClaimLease);
        f.Add(_store.DisputeState.IsDisputed ? 1 : 0);
        f.Add(_store.PublishedState.IsPublished ? 1 : 0);
        foreach (long revision in _store.PublishedState.Seen.Order())
        {
            f.Add(Meaning.Revision, revision);
        }

        if (!IsIdle)
        {
            tokens.Clear();
            foreach (Action<List<Token>> describe in _history)
            {
                tokens.Add(new Token(Meaning.Plain, -8));
                describe(tokens);
            }
            Arriving?.Describe(tokens);
            f.Add(tokens);
        }
        f.Add(Meaning.End);
    }

    SubnetFile? ILeaseState.Read(out string? problem)
    {
        problem = null;
        return _file;
    }

    /// <summary>What is written first in an operation came of leasing or renewing, what is written second of growing.</summary>
    void ILeaseState.Write(SubnetFile file)
    {
        long? before = Held?.LeaseId;
        _file = file;
        HeldLease held = Held!;
        if (!_hasReturned)
        {
            _hasReturned = true;
            _world.CheckReturn(this, Had, held.Subnets);
            if (_isRenewing && (held.LeaseId != before || _sent - _refreshed >= Scenario.Ttl / 3.0))
            {
                _refreshed = _sent!.Value;
            }
        }

        Had = held.Subnets;
    }

    bool ILeaseState.HasContainers(IPNetwork subnet) =>
        _world.Scenario is { Containers: true, Mutation: not Mutation.NoContainers };

    IDisposable ILeaseState.Lock(TimeSpan timeout) => throw new NotSupportedException("a node of the model does one thing at a time");

    private async Task HoldAsync()
    {
        try
        {
            HeldLease? held = Held;
            (_isRenewing, _hasReturned) = (held is not null && !held.Subnets.Any(Config.ChangesFamilies), false);
            bool grows = held is { Subnets.Count: 1 } && !_world.IsOpening && _world.Scenario.Growing.Contains(Number);
            LeaseDemand demand = grows ? LeaseDemand.MoreAddresses : LeaseDemand.Addresses;
            await _manager.HoldAgreedAsync(demand, Config, null, null, () => _attributes, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is EtcdException or ClusterException)
        {
            Error = e;
        }
    }

    private async Task ReleaseAsync()
    {
        HeldLease held = Held!;
        _file = null; // the state file goes first
        Had = [];
        try
        {
            await _store.ReleaseAsync(held).ConfigureAwait(false);
        }
        catch (EtcdException e)
        {
            Error = e;
        }
    }

    private Call TakeCall()
    {
        Call call = Pending!;
        Pending = null;
        return call;
    }

    private void Arrive(Answer answer)
    {
        _history.Add(answer.Describe);
        answer.Give();
        Settle();
    }

    /// <summary>Between two events a node waits for an answer, or has nothing to do.</summary>
    private void Settle()
    {
        if (_operation.IsFaulted)
        {
            _operation.GetAwaiter().GetResult();
        }

        if (_operation.IsCompleted != (Pending is null))
        {
            throw new InvalidOperationException($"{Id} waits for something that is no call, or calls after its end");
        }

        if (CallCount > World.MostCalls)
        {
            throw new ModelViolation($"{Id} does not come to an end: {CallCount} calls, the next is '{Pending?.Name()}'");
        }
    }

    private double Clock()
    {
        double now = _world.Now + (_world.Scenario.Mutation == Mutation.LateDeadline ? 1 : 0);
        _sent = now;
        _history.Add(tokens => tokens.Add(new Token(Meaning.Time, (long)now)));
        return now;
    }

    private int Choose(int among)
    {
        int chosen = among == 1 ? 0 : _world.Choose(among);
        if (among > 1)
        {
            _history.Add(tokens => tokens.Add(new Token(Meaning.Plain, -20 - chosen)));
        }

        return chosen;
    }
}
