using System.Text.Json;
using Twill.Cni;

namespace Twill.Agent.Conversions;

/// <summary>What a file was made into, and what changes by it.</summary>
internal sealed class Conversion
{
    private readonly List<string> _notes = [];

    /// <summary>The configuration list.</summary>
    internal string Text { get; set; } = "";

    /// <summary>What changes, a sentence each.</summary>
    internal IReadOnlyList<string> Notes => _notes;

    /// <summary>Notes something that changes, once.</summary>
    internal void Note(string text)
    {
        if (!_notes.Contains(text))
        {
            _notes.Add(text);
        }
    }

    /// <summary>What is true of each network whose containers hang on a bridge of twill's.</summary>
    internal void NoteBridge()
    {
        NoteRecords();
        Note("other networks of twill cannot begin connections with these containers; \"isolated\": false lets them");
        Note("source NAT and published ports are in nftables (nft list ruleset), not in iptables");
    }

    /// <summary>What is true where <c>twill-ipam</c> takes the place of host-local.</summary>
    internal void NoteRecords() =>
        Note(
            "twill-ipam does not know the addresses that host-local gave (/var/lib/cni/networks): stop the network's containers before "
                + "the new file is in place"
        );

    /// <summary>Says that a value has no counterpart.</summary>
    /// <exception cref="CniException">always: path, value, remedy</exception>
    internal static void Refuse(ConfigReader at, string remedy) =>
        at.ComplainText($"value {ConfigReader.Describe(at.Value)} cannot be converted: {remedy}");

    /// <summary>Copies the members of an object, but those that are named.</summary>
    internal static void Copy(Utf8JsonWriter w, ConfigReader from, params ReadOnlySpan<string> but)
    {
        from.RefuseDuplicates();
        foreach (JsonProperty member in from.Value.EnumerateObject())
        {
            if (but.IndexOf(member.Name) < 0)
            {
                member.WriteTo(w);
            }
        }
    }
}
