using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Twill.Cni;
using Twill.System;

namespace Twill.Agent.Docker;

/// <summary>Runs a plugin as a runtime does.</summary>
internal interface IPluginRunner
{
    /// <summary>Runs it and waits for its end.</summary>
    /// <param name="plugin">the program's name</param>
    /// <param name="verb">what it is asked</param>
    /// <param name="attachment">the attachment</param>
    /// <param name="netns">the path of the container's network namespace; empty: it is gone, or not there yet</param>
    /// <param name="config">the configuration</param>
    /// <param name="stop">ends the agent</param>
    /// <returns>the result of an ADD; null for another verb</returns>
    /// <exception cref="CniException">what the plugin answered, or that it cannot be run</exception>
    Task<CniResult?> RunAsync(
        string plugin,
        CniVerb verb,
        CniAttachment attachment,
        string netns,
        byte[] config,
        CancellationToken stop
    );
}

/// <summary>Runs the plugins that lie beside the agent: the same programs that other runtimes run, and so the same addresses, protections
/// and records.</summary>
/// <param name="directory">where they are</param>
internal sealed class PluginRunner(string directory) : IPluginRunner
{
    /// <summary>A first subnet may have to be leased, with etcd slow.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    /// <summary>The directory of this program.</summary>
    internal static string OwnDirectory => Path.GetDirectoryName(Environment.ProcessPath) ?? "/opt/cni/bin";

    /// <inheritdoc/>
    public async Task<CniResult?> RunAsync(
        string plugin,
        CniVerb verb,
        CniAttachment attachment,
        string netns,
        byte[] config,
        CancellationToken stop
    )
    {
        ProcessStartInfo start = new(Path.Combine(directory, plugin))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[CniEnvironment.Command] = verb.Name();
        start.Environment[CniEnvironment.ContainerId] = attachment.ContainerId;
        start.Environment[CniEnvironment.IfName] = attachment.IfName;
        start.Environment[CniEnvironment.Netns] = netns;
        start.Environment[CniEnvironment.Path] = directory;
        start.Environment[CniEnvironment.Args] = "";
        using Process process = new() { StartInfo = start };
        using CancellationTokenSource limit = new(s_limit); // not by `stop`: what has begun is ended
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
            throw Broken(plugin, $"it cannot be run: {e.Message}; install it beside twilld, in {directory}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw Broken(plugin, $"{verb.Name()} has not ended within {s_limit.TotalSeconds} s, and was ended");
        }
    }

    private static CniResult? Read(string plugin, CniVerb verb, int exitCode, string answer, string errors)
    {
        bool isJson = CniJson.TryParse(Encoding.UTF8.GetBytes(answer), out JsonElement root, out string fault);
        if (exitCode == 0)
        {
            ConfigReader result = new(root, "$", CniErrorCode.Delegate, $"{plugin}: bad result");
            return verb != CniVerb.Add ? null
                : isJson ? CniResultReader.Read(result, CniVersion.Latest)
                : throw Broken(plugin, $"its result: {fault}");
        }

        if (!isJson)
        {
            throw Broken(plugin, $"{verb.Name()} ended with {exitCode}: {ForeignText.Shown(errors.Trim())}");
        }

        ConfigReader at = new ConfigReader(root).Lenient([]);
        throw new CniException(
            (CniErrorCode)at["code"].Long((long)CniErrorCode.Internal, 0, uint.MaxValue),
            at["msg"].OptionalString() ?? $"{plugin}: {verb.Name()} failed",
            at["details"].OptionalString() ?? ""
        );
    }

    private static CniException Broken(string plugin, string details) => new(CniErrorCode.Delegate, $"plugin '{plugin}'", details);
}
