using System.Collections.Concurrent;

namespace Twill.Testing;

/// <summary>
/// A network namespace of its own for one test (`ip netns add`), loopback up, removed by <see cref="Dispose"/>, by the end of the
/// process, or, when the process was killed, by the next run.
/// </summary>
public sealed class TestNetns : NetnsShell, IDisposable
{
    private const string Prefix = "twt";
    private const string Directory = "/run/netns";

    private static readonly ConcurrentDictionary<string, TestNetns> s_alive = new();

    private int _disposed;

    static TestNetns()
    {
        Sweep();
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            foreach (TestNetns left in s_alive.Values)
            {
                left.Dispose();
            }
        };
    }

    private TestNetns(string name) => Name = name;

    public string Name { get; }

    /// <summary>The path that names the namespace to `setns`, `nsenter --net=` and CNI_NETNS: /run/netns/NAME.</summary>
    public string Path => $"{Directory}/{Name}";

    public override IReadOnlyList<string> Enter => ["nsenter", $"--net={Path}", "--"];

    public static TestNetns Create()
    {
        UnitRing.Refuse("makes a network namespace", "RequiresRootFact");
        TestNetns ns = new(Owned.NewName(Prefix));
        Cmd.Run("ip", ["netns", "add", ns.Name]).OrThrow();
        s_alive[ns.Name] = ns;
        Cmd.Run("ip", ["-n", ns.Name, "link", "set", "lo", "up"]).OrThrow();
        return ns;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            s_alive.TryRemove(Name, out _);
            Cmd.Run("ip", ["netns", "delete", Name]);
        }
    }

    private static void Sweep()
    {
        if (!global::System.IO.Directory.Exists(Directory))
        {
            return;
        }

        foreach (
            string name in Owned.Orphans(
                Prefix,
                global::System.IO.Directory.GetFiles(Directory).Select(f => global::System.IO.Path.GetFileName(f))
            )
        )
        {
            Cmd.Run("ip", ["netns", "delete", name]);
        }
    }
}
