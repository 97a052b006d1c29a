using System.Net;
using System.Text;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Cluster.Tests.Names;

/// <summary>Keys of names, and which of them are written.</summary>
public sealed class NamePlanTests
{
    private const long Own = 7,
        Other = 8;

    private const string Start = "/twill/net/twill/names/internal/twill/pods/";

    private static readonly NameKeys s_keys = new(new Keys("/twill/net"), new NamesConf("twill.internal", "pods"));

    private static readonly NamedAddress s_web = new("web", "tw1", IPAddress.Parse("10.244.1.2"), []),
        s_six = new("web", "tw1v6", IPAddress.Parse("fd00::2"), [new NamedPort(IPProtocol.Tcp, 80), new NamedPort(IPProtocol.Udp, 53)]);

    [Fact]
    public void Keys_and_values_are_those_of_corednss_plugin_etcd()
    {
        s_keys.Of(s_web).Should().Be($"{Start}web/tw1");
        s_keys.Of(s_web.Address).Should().Be("/twill/net/twill/names/arpa/in-addr/10/244/1/2");
        s_keys
            .Of(s_six.Address)
            .Should()
            .Be($"/twill/net/twill/names/arpa/ip6/f/d/0/0/{string.Join('/', Enumerable.Repeat('0', 27))}/2");
        NameKeys.Value(s_web).Should().Be("""{"host":"10.244.1.2","ttl":5}""");
        NameKeys.Value(s_six).Should().Be("""{"host":"fd00::2","ttl":5,"port":80,"ports":["80/tcp","53/udp"]}""");
        s_keys.Value("web").Should().Be("""{"host":"web.pods.twill.internal","ttl":5}""");
    }

    [Fact]
    public void What_is_written_is_read_as_it_was()
    {
        foreach (NamedAddress one in (NamedAddress[])[s_web, s_six])
        {
            s_keys.TryParse(Item(s_keys.Of(one), NameKeys.Value(one)), out NamedAddress read).Should().BeTrue();
            read.Should().BeEquivalentTo(one);
        }
    }

    [Theory]
    [InlineData("web", "{}")]
    [InlineData("web/tw1", "")]
    [InlineData("web/tw1", "[]")]
    [InlineData("web/tw1", "{}")]
    [InlineData("web/tw1", """{"host":1}""")]
    [InlineData("web/tw1", """{"host":"example.org"}""")]
    [InlineData("web/tw1", """{"host":"\ud800"}""")]
    [InlineData("web/tw1/more", """{"host":"10.244.1.2"}""")]
    [InlineData("-web/tw1", """{"host":"10.244.1.2"}""")]
    [InlineData("web/tw_1", """{"host":"10.244.1.2"}""")]
    [InlineData("web.x/tw1", """{"host":"10.244.1.2"}""")]
    public void What_somebody_else_put_there_is_no_name(string key, string value) =>
        s_keys.TryParse(Item(Start + key, value), out _).Should().BeFalse();

    [Fact]
    public void What_is_missing_is_written_what_is_left_is_deleted_and_nothing_of_others_is_touched()
    {
        NamePlan plan = new(s_keys);
        plan.Take(Item($"{Start}gone/tw9", """{"host":"10.244.1.9"}""", Own, 3), Own);
        plan.Take(Item($"{Start}web/tw2", """{"host":"10.244.2.2"}""", Other, 4), Own);
        plan.Take(Item($"{Start}web/tw3", """{"host":"10.244.3.2"}""", 0, 5), Own);
        plan.Take(Item(s_keys.Of(s_web), NameKeys.Value(s_web), Other, 6), Own); // at the place of one of its own

        NameChange change = plan.Next([s_web], Own)!;

        change
            .Writes.Should()
            .BeEquivalentTo(
                new (string, string?, long)[]
                {
                    ($"{Start}gone/tw9", null, 3),
                    (s_keys.Of(s_web), NameKeys.Value(s_web), 6),
                    (s_keys.Of(s_web.Address), s_keys.Value("web"), 0),
                }
            );
        plan.Done(change, 10);
        plan.Next([s_web], Own).Should().BeNull();
        plan.Take(Item(s_keys.Of(s_web), NameKeys.Value(s_web), Own, 10), Own)!.Value.Now.Should().BeNull();
        plan.TakeTouched().Should().BeTrue("the one of another host was taken over");
        plan.Next([s_web], Own).Should().BeNull();
        plan.Others(Own).Select(one => one.Id).Should().BeEquivalentTo("tw2", "tw3");
    }

    [Fact]
    public void All_is_written_again_under_another_lease_and_when_somebody_deletes_or_changes_it()
    {
        NamePlan plan = new(s_keys);
        plan.Done(plan.Next([s_web], Own)!, 10);
        plan.Take(Item(s_keys.Of(s_web), NameKeys.Value(s_web), Own, 10), Own);
        plan.TakeTouched().Should().BeFalse("it is what was written");

        plan.Take(Item(s_keys.Of(s_web), "x", Own, 11), Own);
        plan.TakeTouched().Should().BeTrue();
        plan.Next([s_web], Own)!.Writes.Should().ContainSingle().Which.Seen.Should().Be(11);
        plan.Remove(s_keys.Of(s_web), Own);
        plan.TakeTouched().Should().BeTrue();
        plan.Next([s_web], Own)!.Writes.Should().ContainSingle().Which.Seen.Should().Be(0);

        plan.Next([s_web], ownLease: 9)!.Writes.Should().HaveCount(2);
    }

    [Fact]
    public void Many_names_are_written_in_transactions_that_etcd_takes()
    {
        NamePlan plan = new(s_keys);
        IEnumerable<int> numbers = Enumerable.Range(0, 150);
        List<NamedAddress> names = [.. numbers.Select(i => new NamedAddress($"n{i}", "tw1", IPAddress.Parse($"10.244.1.{i}"), []))];
        int written = 0;
        while (plan.Next(names, Own) is { } change)
        {
            change.Count.Should().BeLessThanOrEqualTo(60);
            written += change.Count;
            plan.Done(change, 10);
        }

        written.Should().Be(300);
    }

    private static KeyValue Item(string key, string value, long lease = Other, long modified = 1) =>
        new(key, Encoding.UTF8.GetBytes(value), modified, modified, lease);
}
