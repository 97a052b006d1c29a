using System.Globalization;
using Etcdserverpb;
using Google.Protobuf;
using Twill.Testing;

namespace Twill.Cluster.Tests.Etcd;

[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class RangePagesTests(SharedEtcd etcd)
{
    [Fact]
    public async Task Thousands_of_keys_are_read_in_pages_at_one_revision_and_no_value_is_held_twice()
    {
        const int Count = 2_500,
            Size = 4_000;
        string prefix = SharedEtcd.NewPrefix();
        using EtcdClient client = etcd.NewClient();
        foreach (int[] some in Enumerable.Range(0, Count).Chunk(100))
        {
            EtcdTxn txn = new();
            foreach (int n in some)
            {
                txn.Then(EtcdOp.Put($"{prefix}/{n:d5}", new byte[Size]));
            }

            await client.TxnAsync(txn);
        }

        await client.RangeAsync(EtcdRange.Prefix($"{prefix}/")); // what is made once and used again, such as buffers
        long before = GC.GetTotalMemory(forceFullCollection: true);
        RangeResult all = await client.RangeAsync(EtcdRange.Prefix($"{prefix}/"));
        long held = GC.GetTotalMemory(forceFullCollection: true) - before;

        all.Items.Select(i => i.Key).Should().Equal(Enumerable.Range(0, Count).Select(n => $"{prefix}/{n:d5}"));
        all.Items.Should().OnlyContain(i => i.Value.Length == Size);
        held.Should().BeLessThan((long)(1.5 * Count * Size));
        GC.KeepAlive(all);
    }

    [Fact]
    public void Each_page_is_asked_for_behind_the_last_key_of_the_one_before_at_its_revision()
    {
        RangePages pages = new(EtcdRange.Prefix("/t/"));
        pages.Next().Should().Match<RangeRequest>(r => r.Key.ToStringUtf8() == "/t/" && r.Revision == 0 && r.Limit > 0);

        pages.Take(Page(42, more: true, "/t/a", "/t/b")).Should().BeTrue();
        RangeRequest second = pages.Next();
        pages.Take(Page(50, more: false, "/t/c")).Should().BeFalse();

        (second.Key.ToStringUtf8(), second.RangeEnd.ToStringUtf8(), second.Revision).Should().Be(("/t/b\0", "/t0", 42));
        RangeResult result = pages.Result();
        result.Revision.Should().Be(42, "all is read as it was then");
        result.Items.Select(i => (i.Key, i.Text, i.ModRevision)).Should().Equal(("/t/a", "0", 3), ("/t/b", "1", 3), ("/t/c", "0", 3));
    }

    [Fact]
    public void A_page_that_is_refused_leaves_no_trace()
    {
        RangePages pages = new(EtcdRange.Prefix("/t/"));
        pages.Take(Page(42, more: true, "/t/a", "/t/b"));

        foreach (RangeResponse wrong in new[] { Page(42, true), Page(0, false, "/t/c"), Page(42, false, "/t/c", "/t/b") })
        {
            pages.Invoking(p => p.Take(wrong)).Should().Throw<FormatException>();
        }

        pages.Next().Key.ToStringUtf8().Should().Be("/t/b\0");
        pages.Take(Page(42, more: false, "/t/c")).Should().BeFalse();
        pages.Result().Items.Select(i => i.Key).Should().Equal("/t/a", "/t/b", "/t/c");
    }

    private static RangeResponse Page(long revision, bool more, params string[] keys)
    {
        RangeResponse page = new()
        {
            Header = new ResponseHeader { Revision = revision },
            More = more,
        };
        page.Kvs.AddRange(
            keys.Select(
                (key, n) =>
                    new Mvccpb.KeyValue
                    {
                        Key = ByteString.CopyFromUtf8(key),
                        Value = ByteString.CopyFromUtf8(n.ToString(CultureInfo.InvariantCulture)),
                        ModRevision = 3,
                    }
            )
        );
        return page;
    }
}
