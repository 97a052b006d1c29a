using System.Text.Json;

namespace Twill.Cni;

/// <summary>Runs another plugin on behalf of this one (SPEC section 4): the IPAM plugin.</summary>
public static class DelegateExec
{
    /// <summary>Starts a plugin and gives it the configuration; the caller works on and then calls
    /// <see cref="RunningDelegate.Wait"/>.</summary>
    /// <param name="request">the call whose environment and configuration are passed on, complete and unchanged</param>
    /// <param name="plugin">the executable's name, searched in CNI_PATH</param>
    /// <param name="verb">what it is asked; DEL to undo an ADD</param>
    /// <param name="held">
    /// keep the configuration back until <see cref="RunningDelegate.Wait"/>: the plugin starts, which is most of what it costs, and does
    /// nothing before it has read what it is to do
    /// </param>
    /// <exception cref="CniException">code 4: no CNI_PATH; 7: bad name, or not found; 102: found, but the kernel will not run
    /// it</exception>
    public static RunningDelegate Start(CniRequest request, string plugin, CniVerb verb, bool held = false)
    {
        string path = Find(plugin, request.PluginPath);
        var environment = new List<string>(request.Environment.Count + 2);
        foreach ((string name, string value) in request.Environment)
        {
            if (name is not (CniEnvironment.Command or CniEnvironment.Delegations))
            {
                environment.Add($"{name}={value}");
            }
        }
        environment.Add($"{CniEnvironment.Command}={verb.Name()}");
        environment.Add($"{CniEnvironment.Delegations}={CniEnvironment.DelegationsOf(request.Environment) + 1}");
        return RunningDelegate.Start(path, plugin, verb, request.Version, environment, request.ConfigBytes, held);
    }

    /// <summary>Starts a plugin and waits for it.</summary>
    /// <returns>its result for ADD, null for the other verbs</returns>
    public static CniResult? Run(CniRequest request, string plugin, CniVerb verb)
    {
        using RunningDelegate running = Start(request, plugin, verb);
        return running.Wait();
    }

    /// <summary>The versions of the specification that a plugin speaks, by its VERSION; one that does not know VERSION speaks
    /// 0.1.0.</summary>
    /// <exception cref="CniException">as <see cref="Start"/></exception>
    public static IReadOnlyList<string> Versions(CniRequest request, string plugin)
    {
        using RunningDelegate running = Start(request, plugin, CniVerb.Version);
        try
        {
            if (CniJson.TryParse(running.WaitForAnswer(), out JsonElement root, out _))
            {
                return new ConfigReader(root).Lenient([])["supportedVersions"].StringList();
            }
        }
        catch (CniException)
        {
            // no VERSION: older than 0.2.0
        }
        return [CniVersion.V0_1_0.ToString()];
    }

    /// <summary>The first regular file of that name in the directories.</summary>
    /// <exception cref="CniException">code 4: no directories; 7: bad name, or not found, with the directories searched</exception>
    public static string Find(string plugin, IReadOnlyList<string> directories)
    {
        if (CniNames.PluginTypeFault(plugin) is string fault)
        {
            throw new CniException(
                CniErrorCode.InvalidNetworkConfig,
                "invalid plugin name",
                $"{fault}, got '{ConfigReader.Shorten(plugin, 100)}'"
            );
        }

        if (directories.Count == 0)
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                "invalid environment variables: CNI_PATH",
                $"CNI_PATH: missing, needed to find plugin '{plugin}'"
            );
        }

        foreach (string directory in directories)
        {
            string path = Path.Combine(directory, plugin);
            if (File.Exists(path))
            {
                return path;
            }
        }
        throw new CniException(
            CniErrorCode.InvalidNetworkConfig,
            $"cannot find plugin '{plugin}'",
            $"no file of that name in CNI_PATH, searched: {string.Join(", ", directories)}; install it there or correct its type in "
                + $"the configuration"
        );
    }
}
