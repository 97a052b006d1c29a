namespace Twill.Cluster.Tests.Model;

/// <summary>What an exploration came to.</summary>
/// <param name="Scenario">What was explored.</param>
/// <param name="States">Different states reached.</param>
/// <param name="Runs">Runs, each from the start to where it met a known state or its end.</param>
/// <param name="Ends">Runs that came to their end and were closed.</param>
/// <param name="Events">How often each kind of event happened in a state for the first time.</param>
/// <param name="IsComplete">Every possible run was walked.</param>
/// <param name="Violation">The first violation, with the events that led to it; null: there is none.</param>
internal sealed record Exploration(
    Scenario Scenario,
    int States,
    int Runs,
    int Ends,
    IReadOnlyDictionary<EventKind, int> Events,
    bool IsComplete,
    string? Violation
)
{
    public int Faults =>
        Count(EventKind.AnswerLate)
        + Count(EventKind.AnswerLost)
        + Count(EventKind.RequestLost)
        + Count(EventKind.RequestLate)
        + Count(EventKind.Reboot);

    private int Count(EventKind kind) => Events.GetValueOrDefault(kind);
}

/// <summary>Walks the runs of a scenario: all of them, depth first, each from the start (code that is half-way through cannot be copied),
/// or some by chance. A state that was met before is not walked on from again.</summary>
internal static class Explorer
{
    public static Exploration All(Scenario scenario, int mostStates = int.MaxValue) => OnOwnThread(() => AllHere(scenario, mostStates));

    /// <summary>Runs that are decided by chance alone, for more than can be walked completely.</summary>
    public static Exploration Some(Scenario scenario, int seed, int runs) => OnOwnThread(() => SomeHere(scenario, seed, runs));

    private static Exploration AllHere(Scenario scenario, int mostStates)
    {
        HashSet<UInt128> states = [];
        Dictionary<EventKind, int> events = [];
        var chooser = new PathChooser();
        int runs = 0,
            ends = 0;
        do
        {
            chooser.Restart();
            runs++;
            World? world = null;
            try
            {
                world = new World(scenario, chooser);
                bool known = false;
                while (!known && world.Step())
                {
                    if (chooser.IsReplaying)
                    {
                        continue;
                    }

                    events[world.LastEvent] = events.GetValueOrDefault(world.LastEvent) + 1;
                    known = !states.Add(world.Fingerprint());
                }
                if (known)
                {
                    continue;
                }

                ends++;
                world.Close();
            }
            catch (ModelViolation e)
            {
                return new Exploration(
                    scenario,
                    states.Count,
                    runs,
                    ends,
                    events,
                    false,
                    Explain(scenario, e, new FixedChooser(chooser.Path))
                );
            }
        } while (states.Count < mostStates && chooser.Advance());
        return new Exploration(scenario, states.Count, runs, ends, events, states.Count < mostStates, null);
    }

    private static Exploration SomeHere(Scenario scenario, int seed, int runs)
    {
        HashSet<UInt128> states = [];
        Dictionary<EventKind, int> events = [];
        for (int run = 0; run < runs; run++)
        {
            try
            {
                var world = new World(scenario, new SeededChooser(seed + run));
                while (world.Step())
                {
                    events[world.LastEvent] = events.GetValueOrDefault(world.LastEvent) + 1;
                    states.Add(world.Fingerprint());
                }
                world.Close();
            }
            catch (ModelViolation e)
            {
                string explained = $"seed {seed + run}: {Explain(scenario, e, new SeededChooser(seed + run))}";
                return new Exploration(scenario, states.Count, run + 1, run, events, false, explained);
            }
        }
        return new Exploration(scenario, states.Count, runs, runs, events, false, null);
    }

    /// <summary>The violation and, from walking the run once more, what led to it.</summary>
    private static string Explain(Scenario scenario, ModelViolation violation, Chooser again)
    {
        List<string> trace = [];
        var world = new World(scenario, again) { Trace = trace };
        try
        {
            while (world.Step()) { }
            trace.Add("then calm");
        }
        catch (ModelViolation)
        {
            trace.Add("which breaks it");
        }
        return $"{scenario.Name}: {violation.Message}\n  {string.Join("\n  ", trace)}";
    }

    /// <summary>No pool, no synchronization context: continuations run where the answer is given.</summary>
    private static Exploration OnOwnThread(Func<Exploration> explore)
    {
        Exploration? result = null;
        Exception? error = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    result = explore();
                }
                catch (Exception e)
                {
                    error = e;
                }
            },
            4 << 20
        );
        thread.Start();
        thread.Join();
        return error is null ? result! : throw new InvalidOperationException($"the exploration itself failed: {error.Message}", error);
    }

    private sealed class FixedChooser(IReadOnlyList<int> path) : Chooser
    {
        private int _at;

        public override int Next(int among) => _at < path.Count ? path[_at++] : 0;
    }
}
