using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Twill.Network.Configuration;

namespace Twill.Plugin.Cli;

/// <summary><c>twill status</c> for people and for programs.</summary>
internal static class StatusReport
{
    public static void Print(
        ConsoleOutput screen,
        IReadOnlyList<NetworkStatus> networks,
        IReadOnlyList<string> problems,
        string confDir,
        int warnings = 0
    )
    {
        foreach (NetworkStatus network in networks)
        {
            screen.Line($"{screen.Paint(Style.Strong, network.Name)}  {screen.Paint(Style.Faint, network.File)}");
            Lines(network).Print(screen, "  ");
            foreach (string problem in network.Problems)
            {
                screen.Line($"  {screen.Paint(Style.Bad, "problem")}   {problem}");
            }

            screen.Line();
        }
        if (networks.Count == 0)
        {
            screen.Line(screen.Paint(Style.Bad, $"no network of twill's in {confDir}"));
        }

        foreach (string problem in problems)
        {
            screen.Line($"{screen.Paint(Style.Bad, "problem")}  {problem}");
        }

        bool fine = networks.Count > 0 && problems.Count == 0;
        foreach (NetworkStatus network in networks)
        {
            fine &= network.Problems.Count == 0;
        }

        screen.Line(
            !fine ? "'twill doctor' looks closer and says what to do"
            : warnings > 0 ? screen.Paint(Style.Warning, $"no problem, but {Format.Count(warnings, "warning")}: see 'twill doctor'")
            : screen.Paint(Style.Good, "all is well")
        );
    }

    public static void Write(Utf8JsonWriter w, IReadOnlyList<NetworkStatus> networks, IReadOnlyList<string> problems)
    {
        w.WriteStartObject();
        w.WriteStartArray("networks");
        foreach (NetworkStatus network in networks)
        {
            Write(w, network);
        }

        w.WriteEndArray();
        w.WriteList("problems", problems);
        w.WriteEndObject();
    }

    private static Table Lines(NetworkStatus network)
    {
        Table lines = new();
        StringBuilder backend = new(network.Backend);
        foreach (StatusField field in network.BackendFields)
        {
            if (field.Text.Length > 0)
            {
                backend.Append(", ").Append(field.Text);
            }
        }

        string underlay =
            network.PublicAddresses.Count == 0
                ? ""
                : $", {string.Join(" and ", network.PublicAddresses)}{(network.Interface.Length > 0 ? $" on {network.Interface}" : "")}";
        lines.Add("backend", backend + underlay);
        if (network.Bridge is not null)
        {
            bool needed = network.Containers > 0 || network.Agent.Pid is not null;
            Style tone = network.BridgeState == "up" || !needed ? Style.Plain : Style.Bad;
            lines.Add(
                "bridge",
                new Cell($"{network.Bridge}, {network.BridgeState}, {Format.Count(network.Containers ?? 0, "container")}", tone)
            );
        }
        lines.Add("MTU", network.Mtu is long mtu ? Format.Number(mtu) : "not known yet");
        foreach (SubnetUse subnet in network.Subnets)
        {
            lines.Add(
                "subnet",
                new Cell($"{subnet.Prefix}, {subnet.Used} used, {subnet.FreeText} free", subnet.Free == 0 ? Style.Warning : Style.Plain)
            );
        }

        if (network.Subnets.Count == 0)
        {
            lines.Add("subnet", network.IsLeased ? "none leased yet" : "only the IPAM plugin knows");
        }

        foreach (IPNetwork lost in network.Lost)
        {
            lines.Add("lost", new Cell(lost.ToString(), Style.Bad));
        }

        if (network.Lease is { } lease)
        {
            lines.Add("lease", new Cell(LeaseText(lease), lease.Problem is null ? Style.Plain : Style.Bad));
        }

        if (network.Agent.Needed)
        {
            AgentStatus agent = network.Agent;
            lines.Add("agent", new Cell(AgentText(agent), agent.Problem is null ? Style.Plain : Style.Bad));
        }

        if (network.Agent.Needed && network.IsLeased)
        {
            AgentStatus agent = network.Agent;
            lines.Add("etcd", agent.EtcdAge is double age ? $"answered {Format.Time(age)} ago" : "has not answered the agent");
            lines.Add(
                "peers",
                new Cell(
                    $"{agent.PeersProgrammed} of {agent.PeersWanted}{Answers(network)}",
                    agent.PeersProgrammed < agent.PeersWanted || network.Measured?.Problem is not null ? Style.Bad : Style.Plain
                )
            );
        }
        return lines;
    }

    private static string Answers(NetworkStatus network) =>
        network.Measured is not { } measured || network.Agent.PeersWanted == 0 ? ""
        : measured.Failure is not null ? ", whether they answer is not known"
        : measured.NotMeasured is { } reason ? $", whether they answer is not measured: {reason}"
        : $", {measured.Answering} answer" + (measured.NotAskedYet is > 0 and int early ? $", {early} not asked yet" : "");

    private static string LeaseText(LeaseStatus lease) =>
        lease is not { Age: double age, Left: double left } ? $"{Format.LeaseId(lease.Id)}, of an earlier boot"
        : left > 0 ? $"{Format.LeaseId(lease.Id)}, renewed {Format.Time(age)} ago, {Format.Time(left)} left"
        : $"{Format.LeaseId(lease.Id)}, ran out {Format.Time(-left)} ago";

    private static string AgentText(AgentStatus agent) =>
        agent.ReportAge is not double age ? "has never run"
        : agent.Pid is int pid ? $"runs (pid {pid}), reported {Format.Time(age)} ago"
        : $"does not run, reported {Format.Time(age)} ago";

    private static void Write(Utf8JsonWriter w, NetworkStatus network)
    {
        w.WriteStartObject();
        w.WriteString("network", network.Name);
        w.WriteString("file", network.File);
        w.WriteString("backend", network.Backend);
        foreach (StatusField field in network.BackendFields)
        {
            if (field.Value is long number)
            {
                w.WriteNumber(field.Key, number);
            }
            else
            {
                w.WriteString(field.Key, $"{field.Value}");
            }
        }
        w.WriteOptional("publicIP", Of(network.PublicAddresses, AddressFamily.InterNetwork));
        if (Of(network.PublicAddresses, AddressFamily.InterNetworkV6) is { } v6)
        {
            w.WriteString("publicIPv6", v6);
        }

        w.WriteOptional("interface", network.PublicAddresses.Count == 0 ? null : network.Interface);
        w.WriteOptional("bridge", network.Bridge);
        if (network.Bridge is not null)
        {
            w.WriteString("bridgeState", network.BridgeState);
        }

        w.WriteOptional("mtu", network.Mtu);
        w.WriteOptional("containers", network.Containers);
        w.WriteStartArray("subnets");
        foreach (SubnetUse subnet in network.Subnets)
        {
            w.WriteStartObject();
            w.WriteString("subnet", subnet.Prefix.ToString());
            w.WriteNumber("used", subnet.Used);
            w.WriteNumber("free", subnet.Free);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteList("lost", [.. Texts(network.Lost)]);
        if (network.Lease is { } lease)
        {
            w.WriteStartObject("lease");
            w.WriteString("id", Format.LeaseId(lease.Id));
            w.WriteNumber("ttl", lease.Ttl);
            w.WriteSeconds("renewedSecondsAgo", lease.Age);
            w.WriteSeconds("secondsLeft", lease.Left);
            w.WriteEndObject();
        }
        if (network.Agent.Needed)
        {
            Write(w, network.Agent, network.Measured);
        }

        w.WriteList("problems", network.Problems);
        w.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter w, AgentStatus agent, MeasuredPeers? measured)
    {
        w.WriteStartObject("agent");
        w.WriteBoolean("running", agent.Pid is not null);
        w.WriteOptional("pid", agent.Pid);
        w.WriteSeconds("reportedSecondsAgo", agent.ReportAge);
        w.WriteSeconds("etcdAnsweredSecondsAgo", agent.EtcdAge);
        w.WriteOptional("error", agent.Error);
        w.WriteNumber("peersWanted", agent.PeersWanted);
        w.WriteNumber("peersProgrammed", agent.PeersProgrammed);
        if (measured is not null)
        {
            bool isKnown = measured.NotMeasured is null;
            w.WriteOptional("peersAnswering", isKnown ? measured.Answering : null);
            w.WriteOptional("peersSilent", isKnown ? measured.Silent.Count : null);
            w.WriteOptional("peersLosingFullSize", isKnown ? measured.LosingFullSize.Count : null);
            w.WriteOptional("notMeasured", measured.NotMeasured);
        }

        w.WriteEndObject();
    }

    private static string? Of(IReadOnlyList<IPAddress> addresses, AddressFamily family)
    {
        foreach (IPAddress address in addresses)
        {
            if (address.AddressFamily == family)
            {
                return address.ToString();
            }
        }
        return null;
    }

    private static List<string> Texts(IReadOnlyList<IPNetwork> prefixes)
    {
        List<string> texts = [];
        foreach (IPNetwork prefix in prefixes)
        {
            texts.Add(prefix.ToString());
        }

        return texts;
    }
}
