using System.Text;
using System.Text.Json;
using Twill.Cni;

namespace Twill.Agent.Trace;

/// <summary>How a hop is.</summary>
internal enum HopState
{
    /// <summary>The packet passes, or is answered.</summary>
    Ok,

    /// <summary>Good to know; it explains nothing for certain.</summary>
    Note,

    /// <summary>The packet does not get further, or is not answered.</summary>
    Failed,
}

/// <summary>A hop, told.</summary>
/// <param name="Name">what was looked at</param>
/// <param name="State">how it is</param>
/// <param name="Text">what is there</param>
/// <param name="Remedy">what to do; null: nothing</param>
internal sealed record Hop(string Name, HopState State, string Text, string? Remedy = null)
{
    /// <summary>How long an answer took, in milliseconds; null: nothing was asked, or nobody answered.</summary>
    internal double? RoundTrip { get; init; }
}

/// <summary>Tells people of each hop as it is looked at, and programs of all of them at the end.</summary>
internal sealed class TraceReport(TextWriter to, bool json)
{
    private static readonly string[] s_states = ["ok", "note", "failed"];

    private readonly List<Hop> _hops = [];

    /// <summary>Where the way ends: the first hop that fails; null: nowhere.</summary>
    internal Hop? End => _hops.Find(hop => hop.State == HopState.Failed);

    internal void Begin(TracePath path)
    {
        if (!json)
        {
            to.WriteLine($"network {path.Network.Name}: from {path.From} to {path.To}");
        }
    }

    internal void Tell(Hop hop)
    {
        _hops.Add(hop);
        if (!json)
        {
            to.WriteLine($"  {s_states[(int)hop.State],-7} {hop.Name,-15} {hop.Text}");
            if (hop.Remedy is not null)
            {
                to.WriteLine($"          -> {hop.Remedy}");
            }

            to.Flush();
        }
    }

    internal void Finish(TracePath path)
    {
        if (!json)
        {
            to.WriteLine(End is { } end ? $"it ends at '{end.Name}': {end.Text}" : $"{path.Address} answers");
            return;
        }

        to.Write(Encoding.UTF8.GetString(CniJson.Write(w => Write(w, path), indented: true)));
    }

    private void Write(Utf8JsonWriter w, TracePath path)
    {
        w.WriteStartObject();
        w.WriteString("network", path.Network.Name);
        w.WriteString("from", path.From);
        w.WriteString("to", path.To);
        w.WriteString("address", path.Address.ToString());
        w.WriteBoolean("answers", End is null);
        if (End is { } end)
        {
            w.WriteString("endsAt", end.Name);
        }

        w.WriteStartArray("hops");
        foreach (Hop hop in _hops)
        {
            w.WriteStartObject();
            w.WriteString("hop", hop.Name);
            w.WriteString("state", s_states[(int)hop.State]);
            w.WriteString("text", hop.Text);
            if (hop.RoundTrip is { } roundTrip)
            {
                w.WriteNumber("roundTripMs", Math.Round(roundTrip, 3));
            }

            if (hop.Remedy is not null)
            {
                w.WriteString("remedy", hop.Remedy);
            }

            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteEndObject();
    }
}
