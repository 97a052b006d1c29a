using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Twill.Cni;
using Twill.System;

namespace Twill.Agent;

/// <summary>A plugin that is run as a runtime runs it.</summary>
internal static class PluginProcess
{
    /// <summary>A first subnet may have to be leased, with etcd slow.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    /// <summary>The directory of this program.</summary>
    internal static string OwnDirectory => Path.GetDirectoryName(Environment.ProcessPath) ?? "/opt/cni/bin";

    /// <summary>Runs it and waits for its end, which nothing but its own failure brings early.</summary>
    /// <param name="plugin">the program's name</param>
    /// <param name="directories">where plugins are, the first one first</param>
    /// <param name="verb">what it is asked</param>
    /// <param name="attachment">the attachment</param>
    /// <param name="netns">the path of the container's network namespace; empty: it is gone, or not there yet</param>
    /// <param name="config">the configuration</param>
    /// <returns>the result of an ADD; null for another verb</returns>
    /// <exception cref="CniException">what the plugin answered, or that it cannot be run</exception>
    internal static async Task<JsonElement?> RunAsync(
        string plugin,
        IReadOnlyList<string> directories,
        CniVerb verb,
        CniAttachment attachment,
        string netns,
        byte[] config
    )
    {
        string program =
            directories.Select(directory => Path.Combine(directory, plugin)).FirstOrDefault(File.Exists)
            ?? throw Broken(plugin, $"it is not in {string.Join(", ", directories)}; install it there");
        ProcessStartInfo start = new(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[CniEnvironment.Command] = verb.Name();
        start.Environment[CniEnvironment.ContainerId] = attachment.ContainerId;
        start.Environment[CniEnvironment.IfName] = attachment.IfName;
        start.Environment[CniEnvironment.Netns] = netns;
        start.Environment[CniEnvironment.Path] = string.Join(':', directories);
        start.Environment[CniEnvironment.Args] = "";
        using Process process = new() { StartInfo = start };
        using CancellationTokenSource limit = new(s_limit);
        try
        {
            process.Start();
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token),
                errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.StandardInput.BaseStream.WriteAsync(config, limit.Token).ConfigureAwait(false);
            process.StandardInput.Close();
            string answer = await output.ConfigureAwait(false);
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            return Read(plugin, verb, process.ExitCode, answer, await errors.ConfigureAwait(false));
        }
        catch (Win32Exception e)
        {
            throw Broken(plugin, $"{program} cannot be run: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw Broken(plugin, $"{verb.Name()} has not ended within {s_limit.TotalSeconds} s, and was ended");
        }
    }

    /// <summary>What is wrong with a plugin, rather than what it says.</summary>
    internal static CniException Broken(string plugin, string details) => new(CniErrorCode.Delegate, $"plugin '{plugin}'", details);

    private static JsonElement? Read(string plugin, CniVerb verb, int exitCode, string answer, string errors)
    {
        bool isJson = CniJson.TryParse(Encoding.UTF8.GetBytes(answer), out JsonElement root, out string fault);
        if (exitCode == 0)
        {
            return verb != CniVerb.Add ? null
                : isJson ? root
                : throw Broken(plugin, $"its result: {fault}");
        }

        if (!isJson)
        {
            throw Broken(plugin, $"{verb.Name()} ended with {exitCode}: {ForeignText.Shown($"{answer}{errors}".Trim())}");
        }

        ConfigReader at = new ConfigReader(root).Lenient([]);
        throw new CniException(
            (CniErrorCode)at["code"].Long((long)CniErrorCode.Internal, 0, uint.MaxValue),
            at["msg"].OptionalString() ?? $"{plugin}: {verb.Name()} failed",
            at["details"].OptionalString() ?? ""
        );
    }
}
