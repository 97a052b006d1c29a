using System.Net;
using System.Text.Json;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary><c>names.json</c>: the names that the agent answers for, so that it answers for those of other hosts as soon as it starts
/// again, also while etcd is down.</summary>
public sealed record NamesFile
{
    /// <summary>Where names are answered for; none while the agent cannot.</summary>
    public required IReadOnlyList<IPAddress> Servers { get; init; }

    /// <summary>The domain of the network's names.</summary>
    public required string Domain { get; init; }

    /// <summary>Names of this host's containers.</summary>
    public required IReadOnlyCollection<NamedAddress> Local { get; init; }

    /// <summary>Names of other hosts' containers.</summary>
    public required IReadOnlyCollection<NamedAddress> Remote { get; init; }

    /// <summary>Reads the file; null when it is absent or not to be trusted, and then <paramref name="problem"/> says why.</summary>
    public static NamesFile? TryRead(NetworkStateDir state, out string? problem) =>
        StateFile.TryRead(
            state.NamesPath,
            at => new NamesFile
            {
                Servers = [.. at["servers"].Items().ConvertAll(server => server.Address()!)],
                Domain = at["domain"].OptionalString() ?? "",
                Local = at["local"].Items().ConvertAll(Read),
                Remote = at["remote"].Items().ConvertAll(Read),
            },
            out problem
        );

    /// <summary>Replaces the file.</summary>
    /// <exception cref="IOException">it cannot be written</exception>
    public void Write(NetworkStateDir state) => AtomicFile.Write(state.NamesPath, to => CniJson.Write(to, Write));

    private static NamedAddress Read(ConfigReader at)
    {
        List<NamedPort> ports = [];
        foreach (ConfigReader item in at["ports"].Items())
        {
            bool isPort = NamedPort.TryParse(item.OptionalString() ?? "", out NamedPort port);
            ports.Add(isPort ? port : item.Complain("a port like 80/tcp", port));
        }

        return new NamedAddress(Label(at["name"]), Label(at["id"]), at["address"].Address()!, ports);
    }

    private static string Label(ConfigReader at)
    {
        string text = at.RequiredString("a label");
        return CniNames.HostLabelFault(text) is { } fault ? at.Complain($"a label: {fault}", text) : text;
    }

    private void Write(Utf8JsonWriter w)
    {
        w.WriteStartObject();
        WriteMembers(w);
        w.WriteEndObject();
    }

    /// <summary>Writes the members of its JSON object.</summary>
    public void WriteMembers(Utf8JsonWriter w)
    {
        w.WriteString("domain", Domain);
        w.WriteStartArray("servers");
        foreach (IPAddress server in Servers)
        {
            w.WriteStringValue(server.ToString());
        }

        w.WriteEndArray();
        Write(w, "local", Local);
        Write(w, "remote", Remote);
    }

    private static void Write(Utf8JsonWriter w, string key, IReadOnlyCollection<NamedAddress> all)
    {
        w.WriteStartArray(key);
        foreach (NamedAddress one in all)
        {
            w.WriteStartObject();
            w.WriteString("name", one.Name);
            w.WriteString("id", one.Id);
            w.WriteString("address", one.Address.ToString());
            if (one.Ports.Count > 0)
            {
                w.WriteStartArray("ports");
                foreach (NamedPort port in one.Ports)
                {
                    w.WriteStringValue(port.ToString());
                }

                w.WriteEndArray();
            }

            w.WriteEndObject();
        }

        w.WriteEndArray();
    }
}
