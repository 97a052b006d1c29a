using System.Collections.Concurrent;
using System.Diagnostics;

namespace Twill.Bench;

/// <summary>
/// A host for one chain: a thread with a network and a mount namespace of its own, so that the containers of one chain are no burden to
/// another, and everything is gone with the thread.
/// </summary>
internal sealed class BenchHost : IDisposable
{
    private readonly string _scratch;
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;
    private int _made;

    public BenchHost(Chain chain, string scratch)
    {
        Chain = chain;
        _scratch = scratch;
        _thread = new Thread(() =>
        {
            foreach (Action action in _work.GetConsumingEnumerable())
            {
                action();
            }
        })
        {
            IsBackground = true,
        };
        _thread.Start();
        Do(() =>
        {
            Native.LeaveNamespaces();
            Native.MountTmpfs("/run");
            Native.MountTmpfs("/var/lib"); // /var/lib/cni may not exist, and must not be made on the machine
            foreach (string command in (string[])["ip link set lo up", .. chain.Prepare])
            {
                Shell(command);
            }

            return 0;
        });
    }

    public Chain Chain { get; }

    /// <summary>Makes a container's namespace and returns its number.</summary>
    public int NewContainer() =>
        Do(() =>
        {
            int number = ++_made;
            Shell($"ip netns add c{number}");
            return number;
        });

    public void DeleteContainer(int number) =>
        Do(() =>
        {
            Shell($"ip netns del c{number}");
            return 0;
        });

    /// <summary>One call and what it cost.</summary>
    public Call Run(string verb, int container, bool memory = false) =>
        Do(() =>
        {
            Call call = new(Chain, verb, container, _scratch, memory);
            RunAll([call], atOnce: 1);
            return call;
        });

    /// <summary>The same call for many containers, some at a time: milliseconds from the first's start to the last's end, and
    /// each.</summary>
    public (double WallMs, Call[] Calls) Storm(string verb, IEnumerable<int> containers, int atOnce) =>
        Do(() =>
        {
            Call[] calls = [.. containers.Select(c => new Call(Chain, verb, c, _scratch))];
            long started = Stopwatch.GetTimestamp();
            RunAll(calls, atOnce);
            return (Stopwatch.GetElapsedTime(started).TotalMilliseconds, calls);
        });

    // One thread starts them all and hears of the end of each: it is the only one in the host's namespaces.
    private static void RunAll(Call[] calls, int atOnce)
    {
        Dictionary<int, Call> running = [];
        int next = 0;
        while (next < calls.Length || running.Count > 0)
        {
            while (next < calls.Length && running.Count < atOnce)
            {
                Start(calls[next++]);
            }

            (int pid, int status, double cpuMs) = Native.WaitAny();
            if (running.Remove(pid, out Call? call) && !call.IsOver(status, cpuMs))
            {
                Start(call);
            }
        }

        void Start(Call call)
        {
            call.Start();
            running.Add(call.Pid, call);
        }
    }

    private T Do<T>(Func<T> action)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                done.SetResult(action());
            }
            catch (Exception failure)
            {
                done.SetException(failure);
            }
        });
        return done.Task.GetAwaiter().GetResult();
    }

    private void Shell(string command)
    {
        string[] words = command.Split(' ');
        string output = Path.Combine(_scratch, "shell.out");
        Native.Start("/usr/sbin/" + words[0], words, "/dev/null", output);
        if (Native.WaitAny().Status != 0)
        {
            throw new InvalidOperationException($"{command}: {File.ReadAllText(output)}");
        }
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }
}
