using System.Text;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Packages;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Kubernetes;

/// <summary>conf/kubernetes as kubectl makes objects of it, and the secret as the guide's command does.</summary>
internal sealed class Manifests
{
    internal const string Guide = "conf/kubernetes/README.md";

    private readonly IReadOnlyList<JsonNode> _objects;

    private Manifests(IReadOnlyList<JsonNode> objects) => _objects = objects;

    /// <summary>The pods' template of the agent.</summary>
    internal JsonNode Pod => Single("DaemonSet")["spec"]!["template"]!;

    /// <param name="keys">where ca.pem, client.pem and client-key.pem are</param>
    internal static Manifests Read(string keys)
    {
        string folder = Path.Combine(RepoPaths.Conf, "kubernetes");
        string secret = CommandBlocks.Of(Guide, "## Install").Single(line => line.Contains("create secret"));
        return new(
            [
                .. Objects($"kubectl kustomize {folder} | kubectl annotate --local -f - -o json twill.test/read=yes"),
                .. Objects($"cd {keys} && {secret} --dry-run=client -o json"),
            ]
        );
    }

    /// <summary>The files of a ConfigMap or a Secret.</summary>
    internal Dictionary<string, byte[]> Files(string kind, string name)
    {
        JsonNode data = _objects.Single(o => (string?)o["kind"] == kind && (string?)o["metadata"]!["name"] == name)["data"]!;
        return data.AsObject().ToDictionary(file => file.Key, file => Decoded((string)file.Value!));

        byte[] Decoded(string text) => kind == "Secret" ? Convert.FromBase64String(text) : Encoding.UTF8.GetBytes(text);
    }

    internal JsonNode Single(string kind) => _objects.Single(o => (string?)o["kind"] == kind);

    /// <summary>What kubectl writes: a document after the other.</summary>
    private static IEnumerable<JsonNode> Objects(string command) =>
        JsonNode.Parse(Cmd.Sh($"({command}) | jq --slurp ."))!.AsArray().Select(each => each!.DeepClone());
}
