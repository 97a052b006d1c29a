using System.Text.Json;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Docker;

/// <summary>
/// Which network each of Docker's networks is. Docker tells it once, when the network is created, and never again, also not after a reboot;
/// so it is in a file: <c>{"networks":{"4f2c..":"twill"}}</c>.
/// </summary>
/// <param name="path">the file</param>
internal sealed class DockerNetworks(string path)
{
    /// <summary>Where it is: no network's name begins with a dot.</summary>
    internal const string DefaultPath = $"{IpamConf.DefaultDataDir}/.docker.json";

    /// <summary>The network of one of Docker's networks.</summary>
    /// <exception cref="CniException">it is not known</exception>
    internal string NameOf(string networkId) =>
        Read(AtomicFile.TryReadAll(path)).GetValueOrDefault(networkId)
        ?? throw new CniException(
            CniErrorCode.InvalidNetworkConfig,
            $"there is no network {networkId} of Docker's in {path}",
            "remove it in Docker (docker network rm) and create it again"
        );

    /// <summary>Takes note of one.</summary>
    internal void Add(string networkId, string name) => Change(all => all[networkId] = name);

    /// <summary>Forgets one.</summary>
    internal void Remove(string networkId) => Change(all => all.Remove(networkId));

    private void Change(Action<SortedDictionary<string, string>> change)
    {
        StateDir.MakePrivate(Path.GetDirectoryName(path)!);
        AtomicFile.Update(
            path,
            content =>
            {
                SortedDictionary<string, string> all = Read(content);
                change(all);
                return CniJson.Write(w =>
                {
                    w.WriteStartObject();
                    w.WriteStartObject("networks");
                    foreach ((string id, string name) in all)
                    {
                        w.WriteString(id, name);
                    }

                    w.WriteEndObject();
                    w.WriteEndObject();
                });
            },
            durable: true
        );
    }

    private SortedDictionary<string, string> Read(byte[]? content)
    {
        SortedDictionary<string, string> all = new(StringComparer.Ordinal);
        if (content is null)
        {
            return all;
        }

        if (!CniJson.TryParse(content, out JsonElement root, out string fault))
        {
            throw new IOException($"{path}: {fault}; remove the file, and create the networks in Docker again");
        }

        if (root.TryGetProperty("networks", out JsonElement networks) && networks.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty one in networks.EnumerateObject())
            {
                if (one.Value.ValueKind == JsonValueKind.String)
                {
                    all[one.Name] = one.Value.GetString()!;
                }
            }
        }

        return all;
    }
}
