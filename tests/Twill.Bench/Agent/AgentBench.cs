using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.Bench.Agent;

/// <summary>The agent of one host among many: a real etcd, a namespace as the host, and all other hosts as keys in etcd.</summary>
internal static class AgentBench
{
    private const int Listen = 9116;

    public static AgentFigures Measure(int hosts, int changes, TimeSpan idle)
    {
        using Lab lab = Lab.Create();
        using TempDir directory = TempDir.Create();
        EtcdServer etcd = lab.StartEtcd();
        AgentFigures figures = new(hosts) { FloorMs = KernelFloor.Measure(lab.AddHost("floor"), hosts, directory.Path) };

        LabHost host = lab.AddHost("host");
        JsonObject conf = SampleConf.Cluster(etcd.Endpoint);
        conf.Ipam()["network"] = ManyHosts.Network;
        host.Configure(conf);
        using EtcdPort port = new(host.Pid, IPEndPoint.Parse(etcd.Endpoint["http://".Length..]));
        port.PutAll(Enumerable.Range(0, hosts).Select(h => (ManyHosts.Key(h), ManyHosts.Lease(h))));

        using RouteClock clock = new(host.Pid);
        long began = Stopwatch.GetTimestamp();
        Daemon agent = host.StartAgent("--listen", $"127.0.0.1:{Listen}", "--log-level", "warning");
        long converged = clock.WaitForCount(hosts, TimeSpan.FromMinutes(2));
        figures.ConvergedMs = Stopwatch.GetElapsedTime(began, converged).TotalMilliseconds;
        figures.ConvergedCpuMs = ProcessUse.CpuMs(agent.Pid);
        Thread.Sleep(2000);
        figures.FullRoundsUntilRest = Metric(host, "twill_rounds_total", "everything");

        Change(host, agent, port, clock, figures, changes);
        Idle(agent, port, figures, idle);
        figures.ResidentMb = ProcessUse.Megabytes(agent.Pid, "VmRSS");
        figures.AnonymousMb = ProcessUse.Megabytes(agent.Pid, "RssAnon");
        figures.PeakMb = ProcessUse.Megabytes(agent.Pid, "VmHWM");
        return figures;
    }

    /// <summary>Hosts come and go, one at a time.</summary>
    private static void Change(LabHost host, Daemon agent, EtcdPort port, RouteClock clock, AgentFigures figures, int changes)
    {
        double entries = Metric(host, "twill_kernel_entries_total"),
            rounds = Metric(host, "twill_rounds_total", "everything"),
            cpu = ProcessUse.CpuMs(agent.Pid);
        for (int change = 0; change < changes; change++)
        {
            int other = figures.Hosts + change / 2;
            bool leaves = change % 2 == 1;
            long began = Stopwatch.GetTimestamp();
            if (leaves)
            {
                port.Delete(ManyHosts.Key(other));
            }
            else
            {
                port.Put(ManyHosts.Key(other), ManyHosts.Lease(other));
            }

            figures.PutMs.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            figures.RouteMs.Add(Stopwatch.GetElapsedTime(began, clock.WaitFor(ManyHosts.Subnet(other), leaves)).TotalMilliseconds);
            Thread.Sleep(20);
        }
        Thread.Sleep(500);
        figures.CpuMsPerChange = (ProcessUse.CpuMs(agent.Pid) - cpu) / changes;
        figures.EntriesPerChange = (Metric(host, "twill_kernel_entries_total") - entries) / changes;
        figures.FullRoundsPerChange = (Metric(host, "twill_rounds_total", "everything") - rounds) / changes;
    }

    private static void Idle(Daemon agent, EtcdPort port, AgentFigures figures, TimeSpan idle)
    {
        double cpu = ProcessUse.CpuMs(agent.Pid),
            calls = port.CallsServed();
        Thread.Sleep(idle);
        double perHour = TimeSpan.FromHours(1) / idle;
        figures.IdleCpuSeconds = (ProcessUse.CpuMs(agent.Pid) - cpu) / 1e3 * perHour;
        figures.IdleEtcdCalls = (port.CallsServed() - calls) * perHour;
    }

    private static double Metric(LabHost host, string name, string label = "") =>
        host.Sh($"curl -s http://127.0.0.1:{Listen}/metrics")
            .Split('\n')
            .Where(line => line.StartsWith(name + "{", StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
}
