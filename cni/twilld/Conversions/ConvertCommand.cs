using System.Text;
using System.Text.Json;
using Twill.Cni;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Agent.Conversions;

/// <summary>
/// <c>twill convert</c>: prints another plugin's network as one of twill's, and says what would change. Nothing is written. What is
/// printed has been read as twill's programs read it.
/// </summary>
internal static class ConvertCommand
{
    private const string Nowhere = "/dev/null/converted.conflist"; // beside which there are no files of separate plugins

    /// <summary>Runs it.</summary>
    /// <param name="options">the command line</param>
    /// <param name="to">gets the configuration list</param>
    /// <param name="notes">gets what would change, or why the file cannot be converted</param>
    /// <returns>whether it was converted</returns>
    /// <exception cref="IOException">the file cannot be read</exception>
    internal static bool Run(ConvertOptions options, TextWriter to, TextWriter notes)
    {
        try
        {
            Conversion conversion = Convert(options, SmallFile.ReadAll(options.File));
            foreach (string note in conversion.Notes)
            {
                notes.WriteLine($"twill convert: {note}");
            }

            to.Write(conversion.Text);
            return true;
        }
        catch (CniException e)
        {
            notes.WriteLine($"twill convert: {options.File}: {(e.Details.Length > 0 ? e.Details : e.Message)}");
            return false;
        }
    }

    /// <summary>Converts a file's content.</summary>
    /// <exception cref="CniException">it cannot be: path, value and what to do are in the details</exception>
    internal static Conversion Convert(ConvertOptions options, ReadOnlyMemory<byte> content)
    {
        ConfigReader root = Parse(content);
        Conversion conversion = new();
        byte[] made = CniJson.Write(
            w =>
            {
                if (root["driver"].Exists)
                {
                    NetavarkNetwork.Write(w, root, conversion);
                }
                else
                {
                    new ConfigurationList(options, conversion).Write(w, root);
                }
            },
            indented: true
        );
        NetworkConfigList read = NetworkConfigList.Parse(Nowhere, made, BackendTable.All);
        if (read.Problems is [var problem, ..])
        {
            bool isSingle = !root["plugins"].Exists && !root["driver"].Exists; // its plugin has a path of its own only in the list
            throw Fault(problem[(Nowhere.Length + 2)..].Replace(isSingle ? "$.plugins[0]" : "$", "$", StringComparison.Ordinal));
        }

        conversion.Text = Encoding.UTF8.GetString(made);
        return conversion;
    }

    /// <summary>The object of a file, or the only one of a list: so <c>podman network inspect</c> prints it.</summary>
    private static ConfigReader Parse(ReadOnlyMemory<byte> content)
    {
        if (!content.Span.TrimStart(" \t\r\n"u8).StartsWith("["u8))
        {
            return CniJson.TryParse(content, out JsonElement whole, out string fault) ? new ConfigReader(whole) : throw Fault(fault);
        }

        byte[] wrapped = [.. "{\"all\":"u8, .. content.Span, (byte)'}'];
        if (!CniJson.TryParse(wrapped, out JsonElement wrapper, out string listFault))
        {
            throw Fault(listFault);
        }

        JsonElement all = wrapper.GetProperty("all");
        return all.GetArrayLength() == 1 && all[0].ValueKind == JsonValueKind.Object
            ? new ConfigReader(all[0], "$[0]")
            : throw Fault($"$: expected one network, got a list of {all.GetArrayLength()}: give it one at a time");
    }

    private static CniException Fault(string details) =>
        new(CniErrorCode.InvalidNetworkConfig, "the file cannot be converted", details);
}
