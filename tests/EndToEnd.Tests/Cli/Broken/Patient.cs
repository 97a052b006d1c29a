using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli.Broken;

/// <summary>The host that is broken, and the containers that talk when it is well.</summary>
/// <param name="host">The host.</param>
/// <param name="from">Its container.</param>
/// <param name="to">An address that the container reaches.</param>
internal sealed class Patient(LabHost host, LabContainer from, string to)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(40);

    /// <summary>Breaks it, asks, follows the advice, and sees that all is well.</summary>
    internal void Treat(Breakage breakage)
    {
        string variables = Variables(out Func<string, string> filled);
        bool sleeps = host.Agent is not null && !breakage.AgentAwake;
        Eventually.Pass(() => host.Complaints().Should().BeEmpty("the way before must have been mended"), TimeSpan.FromSeconds(5));
        Tally.Broken(breakage.Name);
        Signalled(sleeps, Signal.Stop);
        try
        {
            host.Sh($"{variables}; {breakage.Damage}");
            Complaint complaint = Ask(breakage, filled);
            Tally.Named(breakage.Name);
            Follow(breakage, complaint, variables, filled, ref sleeps);
            host.Sh($"{variables}; {(breakage.CleanUp.Length > 0 ? breakage.CleanUp : ":")}");
        }
        catch
        {
            foreach (string? command in (string?[])[breakage.Person, breakage.CleanUp]) // or all that follow would fail as well
            {
                host.Run("sh", "-c", $"{variables}; {(string.IsNullOrEmpty(command) ? ":" : command)}");
            }

            throw;
        }
        finally
        {
            Signalled(sleeps, Signal.Cont);
        }

        Eventually.Pass(FollowWhatIsLeft, s_limit);
        Eventually.Pass(() => host.Twill("status").Stdout.Should().Contain("all is well"), s_limit);
        Eventually.True("the container reaches the other", () => from.CanPing(to), s_limit, () => host.Agent?.Log ?? "");
        Tally.Mended(breakage.Name);
    }

    /// <summary>Inside a container one fault hides the next: without a link no address is looked for, and without that no route.</summary>
    private void FollowWhatIsLeft()
    {
        IReadOnlyList<Complaint> left = host.Complaints();
        if (left is [{ Check: "containers", Remedy: var remedy }] && remedy.StartsWith("nsenter ", StringComparison.Ordinal))
        {
            host.Run("sh", "-c", Command(remedy));
            left = host.Complaints();
        }

        left.Should().BeEmpty(host.Agent?.Log ?? "");
    }

    private Complaint Ask(Breakage breakage, Func<string, string> filled)
    {
        Complaint? found = null;
        void Look()
        {
            IReadOnlyList<Complaint> complaints = host.Complaints();
            found = complaints.FirstOrDefault(c => c.Check == breakage.Check && c.Text.Contains(filled(breakage.Words)));
            found.Should().NotBeNull($"doctor names it; it says {string.Join(" / ", complaints)}\n{host.Agent?.Log}");
        }

        if (breakage.AgentAwake)
        {
            Eventually.Pass(Look, s_limit);
        }
        else
        {
            Look();
        }

        found!.Remedy.Should().NotBeEmpty();
        CmdResult status = host.Twill("status");
        if (status.Stdout.Contains("all is well"))
        {
            Tally.SaidWell(breakage.Name);
        }

        status.Stdout.Should().NotContain("all is well");
        status.ExitCode.Should().Be(found.Outcome == "failed" ? 1 : 0, status.Stdout);
        return found;
    }

    private void Follow(Breakage breakage, Complaint complaint, string variables, Func<string, string> filled, ref bool sleeps)
    {
        string advice = complaint.Remedy;
        if (breakage.Person is { } person)
        {
            advice.Should().Contain(filled(breakage.Advice));
            host.Sh($"{variables}; {person}");
        }
        else if (advice.Contains("systemctl restart twilld") || advice.Contains("systemctl start twilld"))
        {
            host.StartAgent(); // ends the one before
            sleeps = false;
        }
        else if (advice.StartsWith("twilld mends this", StringComparison.Ordinal))
        {
            host.Agent.Should().NotBeNull();
        }
        else
        {
            host.Sh(Command(advice));
        }
    }

    /// <summary>The command in the words around it.</summary>
    private static string Command(string advice)
    {
        foreach (
            string before in (string[])
                ["; else: ", "to free it now: ", "if that is gone: ", "a GC removes it; or: ", "if there is none: "]
        )
        {
            int at = advice.IndexOf(before, StringComparison.Ordinal);
            advice = at < 0 ? advice : advice[(at + before.Length)..];
        }

        foreach (string behind in (string[])[" (", ", and ", ", then ", "; or "])
        {
            advice = advice.Split(behind)[0];
        }

        return advice;
    }

    private void Signalled(bool agent, Signal signal)
    {
        if (agent)
        {
            host.Agent!.Send(signal);
        }
    }

    /// <summary>What damages and words refer to: the container's host end, address and namespace, the bridge, and the entries for the other
    /// host.</summary>
    private string Variables(out Func<string, string> filled)
    {
        Dictionary<string, string> values = new()
        {
            ["END"] = Leftovers.Links(host)[0],
            ["ADDRESS"] = from.Address,
            ["INSIDE"] = $"nsenter --net={from.NetnsPath}",
            ["BRIDGE"] = host.IpJson("link show dev twill0")[0].GetProperty("address").GetString()!,
            ["GATEWAY"] = host.IpJson("-4 address show dev twill0")[0].GetProperty("addr_info")[0].GetProperty("local").GetString()!,
        };
        if (host.HasLink("twill.1"))
        {
            JsonElement peer = host.IpJson("neigh show dev twill.1 nud permanent")[0];
            values["NEXTHOP"] = peer.GetProperty("dst").GetString()!;
            values["PEERNET"] = $"{values["NEXTHOP"]}/24";
            values["PEER"] = peer.GetProperty("lladdr").GetString()!;
        }

        filled = text => values.OrderByDescending(v => v.Key.Length).Aggregate(text, (t, v) => t.Replace($"${v.Key}", v.Value));
        return string.Join("; ", values.Select(v => $"{v.Key}='{v.Value}'"));
    }
}
