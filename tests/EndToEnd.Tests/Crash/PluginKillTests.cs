using System.Collections.Concurrent;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.EndToEnd.Tests.Crash;

/// <summary>
/// The plugins are killed at their system calls, alone and together; then comes what a runtime does, one DEL, or the GC again. That leaves
/// what an undisturbed call and that leave, and the next ADD works.
/// </summary>
public sealed class PluginKillTests(CrashLab lab, ITestOutputHelper output) : IClassFixture<CrashLab>
{
    private const int OneOf = 48;

    private static readonly KillCase[] s_cases =
    [
        new("first", "ADD", MakesHost: true),
        new("used", "ADD"),
        new("rich", "ADD"),
        new("routed", "ADD"),
        new("lease", "ADD", Leases: true, MakesHost: true),
        new("del", "DEL"),
        new("del-rich", "DEL"),
        new("del-routed", "DEL"),
        new("gc", "GC"),
    ];

    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (KillCase one in s_cases)
            {
                cases.Add(one.Name, "twill");
                if (!one.IsRouted)
                {
                    cases.Add(one.Name, "twill-ipam");
                }
            }

            return cases;
        }
    }

    [RequiresRootTheory]
    [MemberData(nameof(Cases))]
    public void Killed_anywhere_nothing_is_left_and_everybody_else_works(string name, string program)
    {
        KillCase what = s_cases.Single(one => one.Name == name);
        Aftermath undisturbed = lab.Run(what, null);
        undisturbed.Failed.Should().BeEmpty();
        undisturbed
            .Answer.Contains("\"ips\"", StringComparison.Ordinal)
            .Should()
            .Be(what.Verb == "ADD", "without a kill the call succeeds");

        int calls = undisturbed.Calls.Count(call => call.Program == program);
        KillPoint[] all = [.. Enumerable.Range(1, calls).SelectMany(n => Around(program, n))];
        KillPlan plan = KillPlan.OneOf(OneOf);
        IReadOnlyList<KillPoint> tried = plan.Of(all);
        ConcurrentBag<string> leaks = [];
        // Each kill has a host of its own.
        Parallel.ForEach(tried, new ParallelOptions { MaxDegreeOfParallelism = 3 }, point =>
        {
            string[] found = [.. Leaks(what, lab.Run(what, point), undisturbed)];
            if (found.Length > 0)
            {
                leaks.Add($"{point} ({Call(undisturbed, point)}):\n  {string.Join("\n  ", found)}");
            }
        });

        Figures.Report(
            $"kill points: {program} in {what.Verb} ({what.Name})",
            $"{tried.Count} of {all.Length} tried ({plan}), {leaks.Count} leaks",
            output
        );
        leaks.Should().BeEmpty();
    }

    private static IEnumerable<KillPoint> Around(string program, int number) =>
        from all in new[] { false, true }
        from after in new[] { false, true }
        select new KillPoint(program, number, after, all);

    /// <summary>A bridge whose MTU is not set yet, a state file that is being written: the next ADD goes on with them, or they differ
    /// later.</summary>
    private static bool IsHalfMade(string thing) =>
        thing == "link ifname twill0 mtu 1500 up"
        || (thing.StartsWith("file ", StringComparison.Ordinal) && thing.EndsWith(".tmp", StringComparison.Ordinal));

    private static string Call(Aftermath run, KillPoint point) =>
        run.Calls.Where(call => call.Program == point.Program).ElementAt(point.Number - 1).Call;

    private static IEnumerable<string> Leaks(KillCase what, Aftermath found, Aftermath undisturbed)
    {
        // A host that was not made ready before the kill may lack what an undisturbed call makes; the next ADD makes it.
        IEnumerable<string> missing = what.MakesHost ? [] : undisturbed.After.Except(found.After).Select(thing => $"missing: {thing}");
        return
        [
            .. found.Failed,
            .. found
                .After.Except(undisturbed.After)
                .Where(thing => !(what.MakesHost && IsHalfMade(thing)))
                .Select(thing => $"left: {thing}"),
            .. missing,
            .. found.Later.Except(undisturbed.Later).Select(thing => $"left for good: {thing}"),
            .. undisturbed.Later.Except(found.Later).Select(thing => $"missing for good: {thing}"),
            .. found.Subnets == undisturbed.Subnets
                ? Array.Empty<string>()
                : [$"{found.Subnets} subnets in etcd, not {undisturbed.Subnets}"],
        ];
    }
}
