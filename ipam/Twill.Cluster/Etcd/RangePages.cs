using Etcdserverpb;
using Google.Protobuf;

namespace Twill.Cluster;

/// <summary>The answer to a range, in pages that are all read at the revision of the first: of thousands of keys no message holds all, and
/// their values stay in the memory that they arrived in. What etcd would not answer is a <see cref="FormatException"/>.</summary>
internal sealed class RangePages(EtcdRange range)
{
    /// <summary>Keys in a page.</summary>
    private const int Page = 1000;

    private readonly List<KeyValue> _items = [];
    private ByteString _last = ByteString.Empty;
    private long _revision,
        _bytes;

    /// <summary>Whether there was a page.</summary>
    public bool HasBegun => _revision > 0;

    /// <summary>What to ask for.</summary>
    public RangeRequest Next()
    {
        RangeRequest request = EtcdMessages.Range(range);
        if (range.IsPrefix)
        {
            request.Limit = Page;
        }

        if (HasBegun)
        {
            byte[] after = new byte[_last.Length + 1]; // the key that follows it
            _last.CopyTo(after, 0);
            request.Key = UnsafeByteOperations.UnsafeWrap(after);
        }

        request.Revision = HasBegun ? _revision : range.AtRevision;

        return request;
    }

    /// <summary>Takes a page. True when there are more.</summary>
    public bool Take(RangeResponse response)
    {
        long revision = EtcdMessages.Revision(response.Header);
        ByteString last = _last;
        long bytes = _bytes;
        List<KeyValue> page = new(response.Kvs.Count);
        foreach (Mvccpb.KeyValue kv in response.Kvs)
        {
            if (kv.Key.Span.SequenceCompareTo(last.Span) <= 0)
            {
                throw new FormatException("the keys are not in their order");
            }

            last = kv.Key;
            bytes += kv.Key.Length + kv.Value.Length;
            page.Add(EtcdMessages.KeyValue(kv));
        }

        if (bytes > EtcdChannel.LargestMessage)
        {
            throw new FormatException($"the keys are larger than {EtcdChannel.LargestMessage >> 20} MB, which nothing of ours is");
        }

        if (response.More && page.Count == 0)
        {
            throw new FormatException("there are more keys, and none comes");
        }

        // Only a page that is whole counts: it may be asked for once more, elsewhere.
        _items.AddRange(page);
        (_last, _bytes) = (last, bytes);
        if (!HasBegun)
        {
            _revision = range.AtRevision > 0 ? range.AtRevision : revision;
        }

        return response.More;
    }

    /// <summary>What was read.</summary>
    public RangeResult Result() => new(_items, _revision);
}
