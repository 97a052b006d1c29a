using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twill.Cluster.Tests.Model;

/// <summary>What a number in a state stands for.</summary>
internal enum Meaning : byte
{
    /// <summary>Itself.</summary>
    Plain,

    /// <summary>A revision: only the order of revisions counts.</summary>
    Revision,

    /// <summary>An etcd lease: which of its node's it is.</summary>
    Lease,

    /// <summary>A time: how long ago.</summary>
    Time,

    /// <summary>A node, by its number.</summary>
    Node,

    /// <summary>A subnet, by its place among those of the model.</summary>
    Subnet,

    /// <summary>Until <see cref="End"/>: a part whose place among its siblings does not count.</summary>
    Begin,
    End,
}

internal readonly record struct Token(Meaning Meaning, long Value);

/// <summary>Sums a state up in 128 bits, so that states that behave the same sum up the same: also those where the nodes, or the subnets,
/// have only changed their parts.</summary>
internal sealed class Fingerprint
{
    private static readonly ConditionalWeakTable<byte[], NodeMemory> s_memories = [];

    private readonly List<Token> _tokens = [];

    public void Add(long value) => _tokens.Add(new Token(Meaning.Plain, value));

    public void Add(Meaning meaning, long value = 0) => _tokens.Add(new Token(meaning, value));

    public void Add(List<Token> tokens) => _tokens.AddRange(tokens);

    /// <summary>The smallest sum over all ways to swap nodes and subnets.</summary>
    public UInt128 Sum(World world, IReadOnlyList<int[]> nodeOrders, IReadOnlyList<int[]> subnetOrders)
    {
        Token[] tokens = Resolved(world);
        UInt128 least = UInt128.MaxValue;
        foreach (int[] nodes in nodeOrders)
        {
            foreach (int[] subnets in subnetOrders)
            {
                UInt128 sum = Sum(tokens, nodes, subnets);
                if (sum < least)
                {
                    least = sum;
                }
            }
        }
        return least;
    }

    /// <summary>What a node learns from a key.</summary>
    public static void Describe(KeyValue kv, List<Token> into)
    {
        into.Add(new Token(Meaning.Begin, 0));
        DescribeKey(kv.Key, into);
        into.Add(new Token(Meaning.Revision, kv.CreateRevision));
        into.Add(new Token(Meaning.Revision, kv.ModRevision));
        into.Add(new Token(Meaning.Lease, kv.Lease));
        DescribeMemory(kv.Key, kv.Value, into);
        into.Add(new Token(Meaning.End, 0));
    }

    /// <summary>What a transaction will do whenever it arrives.</summary>
    public static void Describe(EtcdTxn txn, List<Token> into)
    {
        foreach (EtcdTxn.Compare compare in txn.Compares)
        {
            DescribeKey(compare.Range.Key, into);
            into.Add(new Token(compare.Target == EtcdCompareTarget.Lease ? Meaning.Lease : Meaning.Revision, compare.Value));
        }
        foreach (EtcdOp op in txn.ThenOps)
        {
            DescribeKey(op.Range.Key, into);
            into.Add(new Token(Meaning.Plain, (int)op.Kind));
            into.Add(new Token(Meaning.Lease, op.Lease));
            into.Add(new Token(Meaning.Revision, op.Range.CreatedAfter));
            if (op.Kind == EtcdOpKind.Put)
            {
                DescribeMemory(op.Range.Key, op.Value, into);
            }
        }
    }

    public static void DescribeKey(string key, List<Token> into)
    {
        if (World.Keys.TryParseSubnet(key, out SubnetKey subnet))
        {
            Describe(subnet, into);
        }
        else if (key.StartsWith(World.Keys.Nodes, StringComparison.Ordinal))
        {
            into.Add(new Token(Meaning.Plain, World.Keys.TryParseClaim(key, out _, out _) ? -31 : -30));
            into.Add(new Token(Meaning.Node, key[^1] - '0'));
        }
        else
        {
            into.Add(new Token(Meaning.Plain, key.Length));
        }
    }

    public static void Describe(SubnetKey subnets, List<Token> into)
    {
        foreach (IPNetwork prefix in SubnetKey.Prefixes([subnets]))
        {
            Describe(prefix, into);
        }
    }

    public static void Describe(IPNetwork prefix, List<Token> into)
    {
        byte[] address = prefix.BaseAddress.GetAddressBytes();
        into.Add(
            prefix.PrefixLength switch
            {
                24 => new Token(Meaning.Subnet, address[2]),
                < 32 => new Token(Meaning.Plain, 1000 + address[3]),
                64 => new Token(Meaning.Plain, 2000 + address[7]),
                _ => new Token(Meaning.Plain, 3000 + 10 * address[7] + (address[8] >> 7)),
            }
        );
    }

    /// <summary>What is remembered of a node, parsed once per value.</summary>
    public static NodeMemory Memory(string key, ReadOnlyMemory<byte> value)
    {
        if (!MemoryMarshal.TryGetArray(value, out ArraySegment<byte> bytes))
        {
            throw new NotSupportedException("a value that is no array");
        }

        return s_memories.GetValue(bytes.Array!, _ => NodeMemory.Parse(new KeyValue(key, value, 0, 0, 0)));
    }

    private static void DescribeMemory(string key, ReadOnlyMemory<byte> value, List<Token> into)
    {
        if (value.Length == 0 || !key.StartsWith(World.Keys.Nodes, StringComparison.Ordinal))
        {
            return;
        }

        NodeMemory memory = Memory(key, value);
        into.Add(new Token(Meaning.Lease, memory.Lease));
        if (memory.Incarnation != "")
        {
            into.Add(new Token(Meaning.Node, memory.Incarnation[^1] - '0'));
        }

        foreach (SubnetKey subnets in memory.Subnets)
        {
            Describe(subnets, into);
        }
    }

    /// <summary>Revisions as ranks, times as ages, leases as node and place; and for each lease how long etcd keeps it at least.</summary>
    private Token[] Resolved(World world)
    {
        SortedSet<long> revisions = [],
            leases = [];
        foreach (Token token in _tokens)
        {
            if (token.Meaning == Meaning.Revision)
            {
                revisions.Add(token.Value);
            }

            if (token.Meaning == Meaning.Lease && token.Value != 0)
            {
                leases.Add(token.Value);
            }
        }
        var ranks = new Dictionary<long, int>();
        foreach (long revision in revisions)
        {
            ranks.Add(revision, ranks.Count);
        }

        var places = new Dictionary<long, (int Node, int Place)>();
        int[] count = new int[world.Nodes.Count + 1];
        foreach (long lease in leases)
        {
            int node = world.OwnerOf(lease);
            places[lease] = (node, ++count[node]);
        }

        List<Token> resolved = new(_tokens.Count + 16);
        foreach (Token token in _tokens)
        {
            switch (token.Meaning)
            {
                case Meaning.Revision:
                    resolved.Add(new Token(Meaning.Plain, ranks[token.Value]));
                    break;
                case Meaning.Time:
                    resolved.Add(new Token(Meaning.Plain, (long)Math.Min(Scenario.Ttl + 1, world.Now - token.Value)));
                    break;
                case Meaning.Lease when token.Value != 0:
                    resolved.Add(new Token(Meaning.Node, places[token.Value].Node));
                    resolved.Add(new Token(Meaning.Plain, places[token.Value].Place));
                    break;
                default:
                    resolved.Add(token);
                    break;
            }
        }
        foreach ((long lease, (int node, int place)) in places)
        {
            resolved.AddRange([
                new(Meaning.Begin, 0),
                new(Meaning.Node, node),
                new(Meaning.Plain, place),
                new(Meaning.Plain, (long)world.Store.Remaining(lease)),
                new(Meaning.End, 0),
            ]);
        }
        return [.. resolved];
    }

    private static UInt128 Sum(Token[] tokens, int[] nodes, int[] subnets)
    {
        const ulong A = 0x9e3779b97f4a7c15,
            B = 0xc2b2ae3d27d4eb4f;
        Span<(ulong A, ulong B, ulong PartsA, ulong PartsB)> stack = stackalloc (ulong, ulong, ulong, ulong)[8];
        int depth = 0;
        (ulong a, ulong b, ulong partsA, ulong partsB) = (A, B, 0UL, 0UL);
        foreach (Token token in tokens)
        {
            switch (token.Meaning)
            {
                case Meaning.Begin:
                    stack[depth++] = (a, b, partsA, partsB);
                    (a, b, partsA, partsB) = (A, B, 0, 0);
                    break;
                case Meaning.End:
                    (ulong doneA, ulong doneB) = (Mix(a + partsA), Mix(b ^ partsB));
                    (a, b, partsA, partsB) = stack[--depth];
                    (partsA, partsB) = (partsA + doneA, partsB + doneB * A);
                    break;
                default:
                    ulong value = (ulong)(
                        token.Meaning switch
                        {
                            Meaning.Node => 10_000 + nodes[token.Value],
                            Meaning.Subnet => 20_000 + subnets[token.Value],
                            _ => token.Value,
                        }
                    );
                    a = Mix(a ^ value);
                    b = Mix(b + value * A);
                    break;
            }
        }
        return new UInt128(Mix(a + partsA), Mix(b ^ partsB));
    }

    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }
}
