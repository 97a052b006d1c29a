using System.Text.Json;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>What the three state files share: JSON objects, replaced whole, read with suspicion.</summary>
internal static class StateFile
{
    internal static void Write(string path, Action<Utf8JsonWriter> members, bool durable = false) =>
        AtomicFile.Write(
            path,
            CniJson.Write(
                w =>
                {
                    w.WriteStartObject();
                    members(w);
                    w.WriteEndObject();
                },
                indented: true
            ),
            durable
        );

    /// <summary>Reads a file. Absent: null, and no problem. Torn, foreign or unreadable: null, and what is wrong with it.</summary>
    internal static T? TryRead<T>(string path, Func<ConfigReader, T> members, out string? problem)
        where T : class
    {
        problem = null;
        try
        {
            if (AtomicFile.TryReadAll(path) is not byte[] content)
            {
                return null;
            }

            if (CniJson.TryParse(content, out JsonElement root, out string fault))
            {
                return members(new ConfigReader(root, "$", CniErrorCode.DecodeFailure, "damaged state file"));
            }

            problem = $"{path}: {fault}";
        }
        catch (CniException e)
        {
            problem = $"{path}: {e.Details}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = $"{path}: {e.Message}";
        }
        return null;
    }

    /// <summary>The network's name, which is that of the directory: a file copied from elsewhere says nothing about this network.</summary>
    internal static string Network(this ConfigReader at, NetworkStateDir state)
    {
        string expected = Path.GetFileName(state.Path),
            name = at.RequiredString("the network's name");
        return name == expected ? name : at.Complain($"the name of this directory's network, '{expected}'", expected);
    }

    /// <summary>A whole number that must be there.</summary>
    internal static long Number(this ConfigReader at, long min, long max) => at.Exists ? at.Long(0, min, max) : at.Complain("a number", 0L);

    internal static void WriteList(this Utf8JsonWriter w, string key, IReadOnlyList<string> values)
    {
        w.WriteStartArray(key);
        foreach (string value in values)
        {
            w.WriteStringValue(value);
        }

        w.WriteEndArray();
    }

    /// <summary>A finite number, not negative.</summary>
    internal static double Seconds(this ConfigReader at)
    {
        if (
            at.Value.ValueKind == JsonValueKind.Number
            && at.Value.TryGetDouble(out double seconds)
            && double.IsFinite(seconds)
            && seconds >= 0
        )
        {
            return seconds;
        }

        return at.Complain("a number of seconds", 0.0);
    }
}
