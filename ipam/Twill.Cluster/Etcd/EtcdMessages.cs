using Etcdserverpb;
using Google.Protobuf;

namespace Twill.Cluster;

/// <summary>Our records as etcd's protobuf messages (etcdserverpb), and answers as our records. An answer that etcd would not give is a
/// <see cref="FormatException"/>.</summary>
internal static class EtcdMessages
{
    public static RangeRequest Range(EtcdRange range, bool keysOnly = false)
    {
        RangeRequest request = new() { Key = Key(range), KeysOnly = keysOnly };
        if (range.CreatedAfter > 0)
        {
            request.MinCreateRevision = range.CreatedAfter + 1;
        }

        if (range.IsPrefix)
        {
            request.RangeEnd = End(range);
        }

        return request;
    }

    public static PutRequest Put(string key, ReadOnlyMemory<byte> value, long lease) =>
        new()
        {
            Key = ByteString.CopyFromUtf8(key),
            Value = UnsafeByteOperations.UnsafeWrap(value),
            Lease = lease,
        };

    public static DeleteRangeRequest Delete(EtcdRange range)
    {
        DeleteRangeRequest request = new() { Key = Key(range) };
        if (range.IsPrefix)
        {
            request.RangeEnd = End(range);
        }

        return request;
    }

    public static TxnRequest Txn(EtcdTxn txn)
    {
        TxnRequest request = new();
        foreach (EtcdTxn.Compare compare in txn.Compares)
        {
            request.Compare.Add(Condition(compare));
        }

        foreach (EtcdOp op in txn.ThenOps)
        {
            request.Success.Add(Op(op));
        }

        foreach (EtcdOp op in txn.ElseOps)
        {
            request.Failure.Add(Op(op));
        }

        return request;
    }

    public static WatchRequest Watch(EtcdRange range, long startRevision)
    {
        WatchCreateRequest create = new()
        {
            Key = Key(range),
            StartRevision = startRevision,
            ProgressNotify = true,
        };
        if (range.IsPrefix)
        {
            create.RangeEnd = End(range);
        }

        return new WatchRequest { CreateRequest = create };
    }

    /// <summary>Every answer has a header with the store's revision: what lacks it is no answer of etcd.</summary>
    public static long Revision(ResponseHeader? header) =>
        header?.Revision is > 0 and long revision ? revision : throw new FormatException("the header with the store's revision is missing");

    public static KeyValue KeyValue(Mvccpb.KeyValue kv) =>
        new(kv.Key.ToStringUtf8(), kv.Value.Memory, kv.CreateRevision, kv.ModRevision, kv.Lease);

    public static TxnResult Txn(TxnResponse response)
    {
        long revision = Revision(response.Header);
        List<RangeResult> ranges = [];
        foreach (ResponseOp op in response.Responses)
        {
            if (op.ResponseRange is { } range)
            {
                List<KeyValue> items = new(range.Kvs.Count);
                foreach (Mvccpb.KeyValue kv in range.Kvs)
                {
                    items.Add(KeyValue(kv));
                }

                ranges.Add(new RangeResult(items, revision));
            }
        }

        return new TxnResult(response.Succeeded, revision, ranges);
    }

    public static LeaseGrant Lease(LeaseGrantResponse response) =>
        response.Error == "" ? Lease(response.ID, response.TTL) : throw new FormatException($"no lease was granted: {response.Error}");

    public static LeaseGrant Lease(LeaseKeepAliveResponse response) => Lease(response.ID, response.TTL);

    private static LeaseGrant Lease(long id, long ttl) =>
        id != 0 ? new LeaseGrant(id, ttl) : throw new FormatException("the lease has no ID");

    private static ByteString Key(EtcdRange range) => ByteString.CopyFromUtf8(range.Key);

    /// <summary>The first key after all that start with the prefix; UTF-8 never ends in 0xff.</summary>
    private static ByteString End(EtcdRange prefix)
    {
        byte[] end = Key(prefix).ToByteArray();
        end[^1]++;
        return UnsafeByteOperations.UnsafeWrap(end);
    }

    private static Compare Condition(EtcdTxn.Compare compare)
    {
        Compare condition = new() { Result = Compare.Types.CompareResult.Equal, Key = Key(compare.Range) };
        if (compare.Range.IsPrefix)
        {
            condition.RangeEnd = End(compare.Range);
        }

        switch (compare.Target)
        {
            case EtcdCompareTarget.CreateRevision:
                condition.Target = Compare.Types.CompareTarget.Create;
                condition.CreateRevision = compare.Value;
                break;
            case EtcdCompareTarget.ModRevision:
                condition.Target = Compare.Types.CompareTarget.Mod;
                condition.ModRevision = compare.Value;
                break;
            default:
                condition.Target = Compare.Types.CompareTarget.Lease;
                condition.Lease = compare.Value;
                break;
        }

        return condition;
    }

    private static RequestOp Op(EtcdOp op) =>
        op.Kind switch
        {
            EtcdOpKind.Get => new RequestOp { RequestRange = Range(op.Range, op.KeysOnly) },
            EtcdOpKind.Put => new RequestOp { RequestPut = Put(op.Range.Key, op.Value, op.Lease) },
            _ => new RequestOp { RequestDeleteRange = Delete(op.Range) },
        };
}
