using System.Diagnostics;
using System.Globalization;

namespace Twill.Bench;

/// <summary>One ADD or DEL of a container: the steps of a chain one after the other, of a DEL from the last to the first.</summary>
internal sealed class Call(Chain chain, string verb, int container, string scratch, bool memory = false)
{
    private int _done;
    private long _started;
    private Sample _total;
    private long _peak;

    /// <summary>The process that runs, once <see cref="Start"/> was called.</summary>
    public int Pid { get; private set; }

    public Sample Total => _total;

    /// <summary>Largest resident size of any process in kilobytes, where memory is measured.</summary>
    public long PeakKb => _peak;

    private Step Current => chain.Steps[verb == "DEL" ? chain.Steps.Length - 1 - _done : _done];

    private string Name => Path.Combine(scratch, $"{chain.Name.Replace(' ', '_').Replace('/', '_')}.{container}");

    private string Input => Name + ".json";

    private string Output => $"{Name}.{_done}.{verb}";

    /// <summary>Starts the next step in the calling thread's namespaces.</summary>
    public void Start()
    {
        string before = _done == 0 || verb == "DEL" ? $"{Name}.0.ADD" : $"{Name}.{_done - 1}.ADD";
        File.WriteAllText(Input, Current.Config(container, File.Exists(before) ? File.ReadAllText(before) : "{}"));
        string plugin = Current.Plugin;
        string[] arguments = memory ? ["/usr/bin/time", "-f", "%M", "-o", Output + ".peak", plugin] : [plugin];
        _started = Stopwatch.GetTimestamp();
        Pid = Native.Start(
            arguments[0],
            arguments,
            Input,
            Output,
            $"CNI_COMMAND={verb}",
            $"CNI_CONTAINERID=bench-{container:x8}{new string('0', 50)}",
            $"CNI_NETNS=/run/netns/c{container}",
            "CNI_IFNAME=eth0",
            $"CNI_PATH={Path.GetDirectoryName(plugin)}",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
        );
    }

    /// <summary>Takes note of the end of a step.</summary>
    /// <returns>False when there is another, which is to be started.</returns>
    public bool IsOver(int status, double cpuMs)
    {
        _total = new(_total.WallMs + Stopwatch.GetElapsedTime(_started).TotalMilliseconds, _total.CpuMs + cpuMs, status);
        if (status != 0)
        {
            Console.Error.WriteLine($"{chain.Name}: {verb} of container {container} failed (status {status}): {File.ReadAllText(Output)}");
            return true;
        }

        // time(1) starts the plugin, being small itself: the kernel counts what a process was before it became the plugin.
        if (memory)
        {
            _peak = Math.Max(_peak, long.Parse(File.ReadAllText(Output + ".peak"), CultureInfo.InvariantCulture));
        }

        return ++_done == chain.Steps.Length;
    }
}
