using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Testing;

namespace Kernel.Tests.Nftables;

/// <summary>Lists are of one moment, however busy others are.</summary>
public sealed class ListTests
{
    private static readonly TableId Table = NftTestNetns.Table;

    [RequiresRootFact]
    public void A_list_that_others_interrupt_is_of_one_generation_of_rules()
    {
        const int Rules = 400,
            Lists = 30;
        using NftTestNetns ns = new();
        ns.Socket.NewBatch().Add(new NewTable(Table)).Add(new NewChain(Table, "forward")).Send();
        using NetNs opened = NetNs.Open(ns.Namespace.Path);
        using NftSocket other = NftSocket.Open(opened);
        Exception? failure = null;
        bool stop = false;
        int generations = 0;
        Thread writer = new(() =>
        {
            try
            {
                for (uint generation = 1; !Volatile.Read(ref stop); generation++)
                {
                    NftBatch batch = other.NewBatch().Add(new FlushChain(Table, "forward"));
                    for (int i = 0; i < Rules; i++)
                    {
                        batch.Add(new NewRule(Table, "forward", Rule.For(Table).Mark(generation).Accept()));
                    }

                    batch.Send();
                    Interlocked.Increment(ref generations);
                    Thread.Sleep(2);
                }
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        writer.Start();
        SpinWait.SpinUntil(() => Volatile.Read(ref generations) > 0 || failure is not null, TimeSpan.FromSeconds(10)).Should().BeTrue();
        int before = Volatile.Read(ref generations);

        try
        {
            for (int i = 0; i < Lists; i++)
            {
                List<NftRule> rules = ns.Socket.ListRules(Table, "forward");

                rules.Should().HaveCount(Rules);
                rules.Should().OnlyContain(r => r.Rule.SameAs(rules[0].Rule), "all rules are of the generation of the first");
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            writer.Join();
        }

        failure.Should().BeNull();
        generations.Should().BeGreaterThan(before + 3, "the rules must have changed while they were listed");
    }

    [RequiresRootFact]
    public void A_table_is_asked_for_in_one_message_whatever_else_there_is()
    {
        using NftTestNetns ns = new();
        NftBatch batch = ns.Socket.NewBatch();
        for (int i = 0; i < 200; i++)
        {
            batch.Add(new NewTable(new TableId(NftFamily.Inet, $"other-{i}")));
        }

        batch.Add(new NewTable(Table, "mine")).Send();
        uint generation = ns.Socket.GetGeneration();

        ns.Socket.TryGetTable(Table, out NftTable? found).Should().BeTrue();

        found!.Comment.Should().Be("mine");
        ns.Socket.GetGeneration().Should().Be(generation, "asking changes nothing");
    }

    [RequiresRootFact]
    public void A_socket_stays_in_the_namespace_where_it_was_opened()
    {
        using NftTestNetns first = new(),
            second = new();

        first.Socket.NewBatch().Add(new NewTable(Table, "first")).Send();
        second.Socket.NewBatch().Add(new NewTable(Table, "second")).Send();

        first.Ruleset.Should().Contain("first").And.NotContain("second");
        second.Ruleset.Should().Contain("second").And.NotContain("first");
    }
}
