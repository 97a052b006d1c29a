using System.Text.Json;
using Twill.Cni;

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
    /// <inheritdoc/>
    public async Task<CniResult?> RunAsync(
        string plugin,
        CniVerb verb,
        CniAttachment attachment,
        string netns,
        byte[] config,
        CancellationToken stop // not for the plugin: what has begun is ended
    )
    {
        JsonElement? answer = await PluginProcess.RunAsync(plugin, [directory], verb, attachment, netns, config).ConfigureAwait(false);
        return answer is { } result
            ? CniResultReader.Read(new ConfigReader(result, "$", CniErrorCode.Delegate, $"{plugin}: bad result"), CniVersion.Latest)
            : null;
    }
}
