using Twill.Linux;
using Twill.Linux.Links;
using Twill.Testing;

namespace Kernel.Tests.Links;

public sealed class ListWhileChangingTests
{
    [RequiresRootFact]
    public void A_list_taken_while_links_come_and_go_holds_each_lasting_link_exactly_once()
    {
        const int lasting = 120,
            lists = 60;
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns),
            other = Netns.OpenRouteSocket(ns);
        RouteBatch batch = route.NewBatch();
        for (int i = 0; i < lasting; i++)
        {
            batch.Add(new NewBridge($"br{i}"));
        }

        batch.Send();
        string[] expected = [.. Enumerable.Range(0, lasting).Select(i => $"br{i}").Order()];
        using CancellationTokenSource stop = new();
        Exception? failure = null;
        Thread churn = new(() =>
        {
            try
            {
                for (int i = 0; !stop.IsCancellationRequested; i++)
                {
                    other.Execute(new NewVeth($"a{i}", $"b{i}"));
                    other.Execute(new DeleteLink($"a{i}"));
                }
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        churn.Start();

        try
        {
            for (int i = 0; i < lists; i++)
            {
                route.ListLinks().Where(l => l.Name.StartsWith("br")).Select(l => l.Name).Order().Should().Equal(expected);
            }
        }
        finally
        {
            stop.Cancel();
            churn.Join();
        }
        failure.Should().BeNull();
    }
}
