using System.Text;

namespace Twill.Cluster;

/// <summary>Answers of etcdserverpb as our records.</summary>
internal static class EtcdParse
{
    public static RangeResult Range(EtcdReply reply)
    {
        List<KeyValue> items = [];
        foreach (EtcdReply kv in reply.Items("kvs"))
        {
            items.Add(KeyValue(kv));
        }

        return new RangeResult(items, reply.Object("header").Int64("revision"));
    }

    public static KeyValue KeyValue(EtcdReply kv) =>
        new(
            Encoding.UTF8.GetString(kv.Bytes("key")),
            kv.Bytes("value"),
            kv.Int64("create_revision"),
            kv.Int64("mod_revision"),
            kv.Int64("lease")
        );

    public static TxnResult Txn(EtcdReply reply)
    {
        long revision = Revision(reply);
        List<RangeResult> ranges = [];
        foreach (EtcdReply response in reply.Items("responses"))
        {
            if (response.Has("response_range"))
            {
                ranges.Add(Range(response.Object("response_range")) with { Revision = revision });
            }
        }
        return new TxnResult(reply.Bool("succeeded"), revision, ranges);
    }

    /// <summary>Every answer has a header with the store's revision: what lacks it is no answer of etcd.</summary>
    public static long Revision(EtcdReply reply) =>
        reply.Object("header").Int64("revision") is > 0 and var revision
            ? revision
            : throw new FormatException("the header with the store's revision is missing");

    public static LeaseGrant Lease(EtcdReply reply)
    {
        if (reply.Text("error") is { Length: > 0 } error)
        {
            throw new FormatException($"no lease was granted: {error}");
        }

        long id = reply.Int64("ID");
        return id != 0 ? new LeaseGrant(id, reply.Int64("TTL")) : throw new FormatException("the lease has no ID");
    }
}
