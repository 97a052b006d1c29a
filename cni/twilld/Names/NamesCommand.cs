using System.Buffers;
using System.Text;
using System.Text.Json;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Names;

/// <summary><c>twill names</c>: the names that this host's agent answers for, as it has written them down.</summary>
internal static class NamesCommand
{
    private const string Usage = """
        twill names: the names of containers that this host's agent answers for, of all hosts, a line for each address.

        usage: twill names [options]

          --network NAME    only this network; all of this host's unless told
          --json            for programs: one JSON document
          --help            this text

        Exit code: 0 all is well, 1 there is no such network, or nobody answers in one, 2 the command line makes no sense (or the
        caller is not root).

        """;

    /// <summary>Carries it out.</summary>
    /// <param name="args">What stands behind <c>names</c>.</param>
    /// <param name="state">Where run-time state lives.</param>
    /// <param name="output">Where to write.</param>
    /// <param name="become">Called before anything is looked at.</param>
    /// <returns>Whether names are answered for in each network.</returns>
    /// <exception cref="UsageException">The command line makes no sense.</exception>
    /// <exception cref="IOException">A file is damaged.</exception>
    internal static async Task<bool> RunAsync(IReadOnlyList<string> args, StateDir state, TextWriter output, Func<Task> become)
    {
        string? only = null;
        bool isJson = false;
        OptionReader words = new(args);
        while (words.Read())
        {
            switch (words.Name)
            {
                case "--network":
                    only = words.Value("--network: expected a network's name after it");
                    break;
                case "--json" when words.IsBare:
                    isJson = true;
                    break;
                case "--help" or "-h" when words.IsBare:
                    output.Write(Usage);
                    return true;
                default:
                    throw new UsageException($"unknown option '{words.Argument}'");
            }
        }

        await become().ConfigureAwait(false);
        SortedDictionary<string, NamesFile> networks = Read(state, only);
        output.Write(isJson ? Json(networks) : Table(networks, only));
        return networks.Count > 0 && networks.Values.All(network => network.Servers.Count > 0);
    }

    private static SortedDictionary<string, NamesFile> Read(StateDir state, string? only)
    {
        SortedDictionary<string, NamesFile> networks = new(StringComparer.Ordinal);
        string[] directories = Directory.Exists(state.Root) ? Directory.GetDirectories(state.Root) : [];
        foreach (string name in directories.Select(directory => Path.GetFileName(directory)!).Where(name => only is null || name == only))
        {
            NamesFile? file = NamesFile.TryRead(state.Existing(name), out string? problem);
            if (problem is not null)
            {
                throw new IOException(problem);
            }

            if (file is not null)
            {
                networks.Add(name, file);
            }
        }

        return networks;
    }

    private static string Table(SortedDictionary<string, NamesFile> networks, string? only)
    {
        if (networks.Count == 0)
        {
            return $"no agent of this host answers for names{(only is null ? "" : $" in the network {only}")}\n";
        }

        StringBuilder text = new();
        foreach ((string name, NamesFile file) in networks)
        {
            string servers = file.Servers.Count > 0 ? $"answered for at {string.Join(", ", file.Servers)}" : "not answered for now";
            text.Append($"network {name}: {file.Domain}, {servers}\n");
            List<(NamedAddress One, string Where)> rows =
            [
                .. file.Local.Select(one => (one, "this host")),
                .. file.Remote.Select(one => (one, "another host")),
            ];
            int width = rows.Select(row => row.One.Name.Length).DefaultIfEmpty(0).Max();
            foreach ((NamedAddress one, string where) in rows.OrderBy(row => row.One.Name, StringComparer.Ordinal))
            {
                string ports = one.Ports.Count > 0 ? $"  {string.Join(' ', one.Ports)}" : "";
                text.Append($"  {one.Name.PadRight(width)}  {one.Address,-15}  {where}{ports}\n");
            }
        }

        return text.ToString();
    }

    private static string Json(SortedDictionary<string, NamesFile> networks)
    {
        ArrayBufferWriter<byte> bytes = new();
        using (Utf8JsonWriter w = new(bytes, new JsonWriterOptions { Indented = true }))
        {
            w.WriteStartObject();
            w.WriteStartArray("networks");
            foreach ((string name, NamesFile file) in networks)
            {
                w.WriteStartObject();
                w.WriteString("name", name);
                file.WriteMembers(w);
                w.WriteEndObject();
            }

            w.WriteEndArray();
            w.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan) + "\n";
    }
}
