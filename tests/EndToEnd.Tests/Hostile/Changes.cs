using System.Text.Json.Nodes;

namespace Twill.EndToEnd.Tests.Hostile;

internal static class Changes
{
    /// <summary>The same configuration with another value at a path such as `ipam.etcd.endpoints`.</summary>
    internal static JsonObject With(this JsonObject config, string path, string json)
    {
        JsonObject copy = config.DeepClone().AsObject(),
            at = copy;
        string[] steps = path.Split('.');
        foreach (string step in steps[..^1])
        {
            at = at[step]!.AsObject();
        }

        at[steps[^1]] = JsonNode.Parse(json);
        return copy;
    }
}
