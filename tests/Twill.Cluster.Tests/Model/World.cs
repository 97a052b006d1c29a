using System.Net;

namespace Twill.Cluster.Tests.Model;

/// <summary>Something that must never happen has happened.</summary>
internal sealed class ModelViolation(string message) : Exception(message);

/// <summary>One run: the nodes, etcd, the messages between them, time. One event happens at a time; which one is the chooser's
/// choice.</summary>
internal sealed class World
{
    public const string Prefix = "/m";

    public static readonly Keys Keys = new(Prefix);

    /// <summary>Far above what any operation needs; 64 lost races in a row would pass it.</summary>
    public const int MostCalls = 80;

    private static readonly List<IPNetwork> s_whole = [IPNetwork.Parse("10.1.0.0/24"), IPNetwork.Parse("10.1.1.0/24")];
    private static readonly List<IPNetwork> s_halves = [IPNetwork.Parse("10.1.0.0/25"), IPNetwork.Parse("10.1.0.128/25")];
    private static readonly List<IPNetwork> s_upperHalves = [IPNetwork.Parse("10.1.1.0/25"), IPNetwork.Parse("10.1.1.128/25")];
    private static readonly List<IPNetwork> s_wholeV6 = [IPNetwork.Parse("fd00:1::/64"), IPNetwork.Parse("fd00:1:0:1::/64")];
    private static readonly List<IPNetwork> s_halvesV6 = [IPNetwork.Parse("fd00:1::/65"), IPNetwork.Parse("fd00:1:0:0:8000::/65")];
    private static readonly int[][] s_oneOrder =

        [
            [0, 1],
        ],
        s_bothSubnets =

        [
            [0, 1],
            [1, 0],
        ];

    private readonly Chooser _chooser;
    private readonly List<(ModelNode From, Call Call)> _late = [];
    private readonly Dictionary<IPNetwork, ModelNode> _lastWriter = [];
    private readonly Dictionary<long, (ModelNode Node, int Operation)> _granted = [];
    private readonly List<Event> _events = [];
    private readonly IReadOnlyList<int[]> _nodeOrders,
        _subnetOrders;
    private readonly SimulatedStore.Backup _backup;
    private int _faultsLeft,
        _rebootsLeft,
        _handEditsLeft,
        _restoresLeft,
        _ticksLeft;

    public World(Scenario scenario, Chooser chooser)
    {
        (Scenario, _chooser) = (scenario, chooser);
        (_faultsLeft, _rebootsLeft, _ticksLeft) = (scenario.Faults, scenario.Reboots, scenario.Ticks);
        (_handEditsLeft, _restoresLeft) = (scenario.HandEdits, scenario.Restores);
        Store = new SimulatedStore(() => Now);
        for (int i = 0; i < scenario.Nodes.Count; i++)
        {
            Nodes.Add(new ModelNode(this, i + 1, scenario.Nodes[i], scenario.Operations[i]));
        }

        IsOpening = true;
        for (int i = 0; i < scenario.Holders; i++)
        {
            Nodes[i].Start();
            Calm(Nodes[i]);
            Nodes[i].OperationsLeft++;
        }
        IsOpening = false;
        _backup = Store.Save();
        Now = scenario.Age;
        (_nodeOrders, _subnetOrders) = (
            Orders(scenario),
            scenario.Growing.Count == 0 && scenario.Nodes.All(n => n.IPv4.SubnetLen == 24 && n.IPv6 is null) ? s_bothSubnets : s_oneOrder
        );
    }

    public Scenario Scenario { get; }

    public SimulatedStore Store { get; }

    public List<ModelNode> Nodes { get; } = [];

    public double Now { get; private set; }

    /// <summary>True while the holders take their first subnets.</summary>
    public bool IsOpening { get; }

    /// <summary>True in the calm after a run, when everything has to come right.</summary>
    public bool IsClosing { get; private set; }

    /// <summary>What happened, for a person; filled only when asked for.</summary>
    public List<string>? Trace { get; init; }

    /// <summary>The event that <see cref="Step"/> chose last.</summary>
    public EventKind LastEvent { get; private set; }

    /// <summary>Lets one event happen and checks what must always hold. False when nothing can happen any more.</summary>
    public bool Step()
    {
        Collect();
        if (_events.Count == 0)
        {
            return false;
        }

        Event e = _events[_events.Count == 1 ? 0 : _chooser.Next(_events.Count)];
        LastEvent = e.Kind;
        Trace?.Add(Show(e));
        Happen(e);
        CheckAlways();
        return true;
    }

    /// <summary>After the run everything is delivered, nothing is lost any more and time goes on: nobody may be left waiting, nothing
    /// leaked.</summary>
    public void Close()
    {
        IsClosing = true;
        foreach (ModelNode node in Nodes)
        {
            Calm(node);
        }

        foreach ((_, Call call) in _late)
        {
            call.CarryOut(Store);
        }

        _late.Clear();
        CheckAlways();
        for (int round = 0; round < 4 * Scenario.Ttl; round++)
        {
            Now++;
            foreach (ModelNode node in Nodes)
            {
                node.Start();
                Calm(node);
                CheckAlways();
            }
            Store.Overdue().ForEach(Store.Expire);
        }
        CheckClosed();
    }

    public UInt128 Fingerprint()
    {
        var f = new Fingerprint();
        f.Add(_faultsLeft);
        f.Add(_rebootsLeft);
        f.Add(_handEditsLeft);
        f.Add(_restoresLeft);
        f.Add(_ticksLeft);
        List<Token> keys = [];
        foreach (KeyValue kv in Store.Items)
        {
            Model.Fingerprint.Describe(kv, keys);
        }

        foreach ((IPNetwork subnet, ModelNode writer) in _lastWriter)
        {
            keys.AddRange([new(Meaning.Begin, 0), new(Meaning.Node, writer.Number)]);
            Model.Fingerprint.Describe(subnet, keys);
            keys.Add(new Token(Meaning.End, 0));
        }
        f.Add(keys);
        foreach (ModelNode node in Nodes)
        {
            node.Describe(f);
        }

        foreach ((ModelNode from, Call call) in _late)
        {
            f.Add(Meaning.Begin);
            f.Add(Meaning.Node, from.Number);
            List<Token> content = [];
            call.Describe(content);
            f.Add(content);
            f.Add(Meaning.End);
        }
        return f.Sum(this, _nodeOrders, _subnetOrders);
    }

    public int Choose(int among) => IsOpening || IsClosing ? 0 : _chooser.Next(among);

    public void GrantedTo(ModelNode node, long lease) => _granted[lease] = (node, node.OperationsLeft);

    public int OwnerOf(long lease) => _granted.TryGetValue(lease, out (ModelNode Node, int Operation) to) ? to.Node.Number : 0;

    /// <summary>The subnets that only others had, if there are some that nobody has and nobody had: those go first.</summary>
    public List<IPNetwork> NotToBeTaken(ModelNode node)
    {
        List<IPNetwork> subnets = Subnets(node.Config);
        return subnets.Exists(s => !IsLeased(s) && !IsRemembered(s))
            ? subnets.FindAll(s => IsRemembered(s) && !IsRemembered(s, only: node))
            : [];
    }

    /// <summary>A transaction of a node was carried out.</summary>
    /// <param name="node">The node.</param>
    /// <param name="txn">The transaction.</param>
    /// <param name="notToBeTaken">What <see cref="NotToBeTaken"/> was when the node decided on it.</param>
    public void Watch(ModelNode node, EtcdTxn txn, IReadOnlyList<IPNetwork> notToBeTaken)
    {
        foreach (EtcdOp op in txn.ThenOps)
        {
            if (op.Kind != EtcdOpKind.Put || !Keys.TryParseSubnet(op.Range.Key, out SubnetKey key))
            {
                continue;
            }

            if (notToBeTaken.Contains(key.Subnet) && !node.Had.Any(had => had.Subnet.Equals(key.Subnet)))
            {
                throw new ModelViolation(
                    $"{node.Id} wants {key.Subnet}, which another node had, although one was there that nobody ever had"
                );
            }

            foreach (IPNetwork prefix in SubnetKey.Prefixes([key]))
            {
                _lastWriter[prefix] = node;
            }
        }
    }

    /// <summary>A node that held subnets has leased or renewed: it has each of them unless somebody else wanted it meanwhile. One that the
    /// network does not lease any more it has as long as containers use it.</summary>
    public void CheckReturn(ModelNode node, IReadOnlyList<SubnetKey> had, IReadOnlyList<SubnetKey> has)
    {
        foreach (SubnetKey subnets in had)
        {
            bool isGivenBack = !Scenario.Containers && !node.Config.IPv4.Leases(subnets.Subnet);
            bool isBack =
                has.Contains(subnets)
                || isGivenBack
                || (node.Config.ChangesFamilies(subnets) && has.Any(now => now.Subnet.Equals(subnets.Subnet)));
            if (!isBack && !WasWanted(subnets, node))
            {
                throw new ModelViolation($"{node.Id} had {subnets}, nobody else wanted it, and yet it has {string.Join(", ", has)} now");
            }
        }
    }

    private void Collect()
    {
        _events.Clear();
        foreach (ModelNode node in Nodes)
        {
            if (node.Arriving is not null)
            {
                _events.Add(new Event(EventKind.AnswerArrives, node));
            }
            else if (node.Pending is not null)
            {
                _events.Add(new Event(EventKind.CallAnswered, node));
            }
            else if (node.OperationsLeft > 0)
            {
                _events.Add(new Event(EventKind.Start, node));
            }
        }
        for (int i = 0; i < _late.Count; i++)
        {
            _events.Add(new Event(EventKind.LateCallArrives, _late[i].From, i));
        }

        if (_ticksLeft > 0)
        {
            _events.Add(new Event(EventKind.Tick));
        }

        foreach (long lease in Scenario.Mutation == Mutation.EarlyExpiry ? Leases() : Store.Overdue())
        {
            if (Matters(lease))
            {
                _events.Add(new Event(EventKind.LeaseExpires, Lease: lease));
            }
        }
        if (_restoresLeft > 0)
        {
            _events.Add(new Event(EventKind.Restore));
        }

        foreach (ModelNode node in Nodes)
        {
            if (_handEditsLeft > 0 && KeyOf(node) is not null)
            {
                _events.Add(new Event(EventKind.HandPut, node));
                _events.Add(new Event(EventKind.HandDelete, node));
            }

            if (_rebootsLeft > 0 && (!node.IsIdle || node.Held is not null))
            {
                _events.Add(new Event(EventKind.Reboot, node));
            }

            if (_faultsLeft == 0 || node.Pending is null)
            {
                continue;
            }

            _events.Add(new Event(EventKind.RequestLost, node));
            if (!node.Pending.Writes)
            {
                continue;
            }

            _events.Add(new Event(EventKind.AnswerLost, node));
            _events.Add(new Event(EventKind.RequestLate, node));
            _events.Add(new Event(EventKind.AnswerLate, node));
        }
    }

    private void Happen(Event e)
    {
        if (e.Kind is EventKind.RequestLost or EventKind.AnswerLost or EventKind.RequestLate or EventKind.AnswerLate)
        {
            _faultsLeft--;
        }

        switch (e.Kind)
        {
            case EventKind.Start:
                e.Node!.Start();
                break;
            case EventKind.CallAnswered:
                e.Node!.CallAnswered();
                break;
            case EventKind.AnswerArrives:
                e.Node!.AnswerArrives();
                break;
            case EventKind.AnswerLate:
                e.Node!.CallCarriedOut();
                break;
            case EventKind.AnswerLost:
                e.Node!.CallTimesOut(carriedOut: true);
                break;
            case EventKind.RequestLost:
                e.Node!.CallTimesOut(carriedOut: false);
                break;
            case EventKind.RequestLate:
                _late.Add((e.Node!, e.Node!.CallTimesOut(carriedOut: false)));
                break;
            case EventKind.LateCallArrives:
                Call call = _late[e.Index].Call;
                _late.RemoveAt(e.Index);
                call.CarryOut(Store);
                break;
            case EventKind.Tick:
                _ticksLeft--;
                Now++;
                break;
            case EventKind.LeaseExpires:
                Store.Expire(e.Lease);
                break;
            case EventKind.HandPut:
                _handEditsLeft--;
                Store.PutByHand(KeyOf(e.Node!)!);
                break;
            case EventKind.HandDelete:
                _handEditsLeft--;
                Store.Delete(EtcdRange.Of(KeyOf(e.Node!)!));
                break;
            case EventKind.Restore:
                _restoresLeft--;
                Store.Restore(_backup);
                break;
            case EventKind.Reboot:
                _rebootsLeft--;
                if (e.Node!.Boot() is { Writes: true } underWay)
                {
                    _late.Add((e.Node, underWay));
                }

                e.Node.OperationsLeft = Math.Max(1, e.Node.OperationsLeft);
                break;
        }
    }

    /// <summary>The key in etcd of the first subnet that a node holds; null: there is none.</summary>
    private string? KeyOf(ModelNode node) =>
        node.Held is { Subnets.Count: > 0 } held && Store.Find(Keys.Subnet(held.Subnets[0])) is { } kv ? kv.Key : null;

    /// <summary>Lets a node finish what it does, with every call answered at once.</summary>
    private static void Calm(ModelNode node)
    {
        while (!node.IsIdle)
        {
            if (node.Arriving is not null)
            {
                node.AnswerArrives();
            }
            else
            {
                node.CallAnswered();
            }
        }
    }

    private void CheckAlways()
    {
        for (int i = 0; i < Nodes.Count; i++)
        {
            if (!Nodes[i].MayHandOut)
            {
                continue;
            }

            foreach (IPNetwork subnet in Nodes[i].Held!.Prefixes)
            {
                for (int k = i + 1; k < Nodes.Count; k++)
                {
                    if (!Nodes[k].MayHandOut)
                    {
                        continue;
                    }

                    foreach (IPNetwork other in Nodes[k].Held!.Prefixes)
                    {
                        if (Overlap(subnet, other))
                        {
                            throw new ModelViolation(
                                $"{Nodes[i].Id} hands out addresses of {subnet} and {Nodes[k].Id} of {other} at the same time"
                            );
                        }
                    }
                }
            }
        }
    }

    private void CheckClosed()
    {
        foreach (ModelNode node in Nodes)
        {
            if (node.IsDisputed)
            {
                continue; // it waits for a person
            }

            int wanted = Scenario.Growing.Contains(node.Number) ? 2 : 1;
            if (node.Held is { } held)
            {
                if (held.Subnets.Count > 0 && !node.MayHandOut)
                {
                    throw new ModelViolation($"{node.Id} waits forever: it may hand out nothing of {string.Join(", ", held.Subnets)}");
                }

                foreach (SubnetKey subnet in held.Subnets)
                {
                    if (Store.Find(Keys.Subnet(subnet))?.Lease != held.LeaseId)
                    {
                        throw new ModelViolation($"{node.Id} holds {subnet}, and its key does not say so");
                    }
                }
            }
            int has = node.Held?.Subnets.Count(node.Config.Leases) ?? 0;
            if (
                has < wanted
                && Subnets(node.Config).Exists(subnet => !IsLeased(subnet))
                && (node.Config.IPv6 is null || SubnetsV6(node.Config).Exists(subnet => !IsLeased(subnet)))
            )
            {
                throw new ModelViolation(
                    $"{node.Id} waits forever ({node.Error?.Message ?? "no error"}): it has {has} of {wanted} subnets, and one is free"
                );
            }
        }
        foreach (KeyValue kv in Store.Items)
        {
            if (
                Keys.TryParseSubnet(kv.Key, out SubnetKey key)
                && !Nodes.Exists(n => n.Held is { } held && held.LeaseId == kv.Lease && held.Subnets.Contains(key))
            )
            {
                throw new ModelViolation($"{kv.Key} (lease {kv.Lease}) is leaked: it lives on and no node knows that it has it");
            }
        }
    }

    private bool WasWanted(SubnetKey subnets, ModelNode by)
    {
        foreach ((IPNetwork written, ModelNode writer) in _lastWriter)
        {
            if (writer != by && SubnetKey.Prefixes([subnets]).Exists(prefix => Overlap(written, prefix)))
            {
                return true;
            }
        }
        return false;
    }

    private bool IsLeased(IPNetwork subnet)
    {
        foreach (KeyValue kv in Store.Items)
        {
            if (Keys.TryParseSubnet(kv.Key, out SubnetKey key) && SubnetKey.Prefixes([key]).Exists(prefix => Overlap(prefix, subnet)))
            {
                return true;
            }
        }
        return false;
    }

    private bool IsRemembered(IPNetwork subnet, ModelNode? only = null)
    {
        foreach (KeyValue kv in Store.Items)
        {
            if (!kv.Key.StartsWith(Keys.Nodes, StringComparison.Ordinal) || (only is not null && kv.Key != Keys.Node(only.Id)))
            {
                continue;
            }

            foreach (IPNetwork remembered in SubnetKey.Prefixes(Model.Fingerprint.Memory(kv.Key, kv.Value).Subnets))
            {
                if (Overlap(remembered, subnet))
                {
                    return true;
                }
            }
        }
        return false;
    }

    /// <summary>An etcd lease that something still depends on.</summary>
    private bool Matters(long lease)
    {
        foreach (KeyValue kv in Store.Items)
        {
            if (kv.Lease == lease)
            {
                return true;
            }
        }
        if (Nodes.Exists(n => n.Held?.LeaseId == lease))
        {
            return true;
        }

        return _granted.TryGetValue(lease, out (ModelNode Node, int Operation) to)
            && !to.Node.IsIdle
            && to.Node.OperationsLeft == to.Operation;
    }

    private List<long> Leases()
    {
        List<long> leases = [];
        foreach (KeyValue kv in Store.Items)
        {
            if (kv.Lease != 0 && !leases.Contains(kv.Lease))
            {
                leases.Add(kv.Lease);
            }
        }
        return leases;
    }

    private static List<IPNetwork> Subnets(NetworkConfig config) =>
        config.IPv4.SubnetLen == 24 ? s_whole
        : config.IPv4.SubnetMin.Equals(s_upperHalves[0].BaseAddress) ? s_upperHalves
        : s_halves;

    private static List<IPNetwork> SubnetsV6(NetworkConfig config) =>
        config.IPv6 switch
        {
            { SubnetLen: 65 } => s_halvesV6,
            { SubnetMax: var max } when max.Equals(s_wholeV6[0].BaseAddress) => [s_wholeV6[0]],
            _ => s_wholeV6,
        };

    /// <summary>The ways in which nodes can change their parts: those that are alike but for what they hold.</summary>
    private static List<int[]> Orders(Scenario scenario)
    {
        List<int[]> orders = [];
        int[] order = new int[scenario.Nodes.Count + 1];
        Extend(1);
        return orders;

        void Extend(int at)
        {
            if (at == order.Length)
            {
                orders.Add([.. order]);
                return;
            }
            for (int node = 1; node < order.Length; node++)
            {
                if (Array.IndexOf(order, node, 1, at - 1) >= 0 || !Alike(at, node))
                {
                    continue;
                }

                order[at] = node;
                Extend(at + 1);
            }
        }

        bool Alike(int a, int b) =>
            a == b
            || (
                !scenario.IsCopied
                && scenario.Nodes[a - 1] == scenario.Nodes[b - 1]
                && scenario.Growing.Contains(a) == scenario.Growing.Contains(b)
                && scenario.Leaving.Contains(a) == scenario.Leaving.Contains(b)
            );
    }

    private static bool Overlap(IPNetwork a, IPNetwork b) => a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress);

    private string Show(Event e) =>
        e.Kind switch
        {
            EventKind.Tick => $"it is {Now + 1}",
            EventKind.Restore => "etcd is restored",
            EventKind.LeaseExpires => $"lease {e.Lease} expires",
            EventKind.LateCallArrives => $"late call of {e.Node!.Id} arrives: {_late[e.Index].Call.Name()}",
            EventKind.HandPut or EventKind.HandDelete => $"{e.Kind} of {KeyOf(e.Node!)}",
            EventKind.Start => $"{e.Node!.Id} starts, holding "
                + $"{(e.Node.Held is { } h ? $"{string.Join(", ", h.Subnets)} by {h.LeaseId} until {h.Deadline}" : "nothing it knows of")}",
            _ => $"{e.Node!.Id} {e.Kind}: {e.Node.Pending?.Name()}",
        };
}
