using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Agent;

/// <summary>The networks that this agent serves, and why it does not serve others.</summary>
internal sealed record NetworkCatalog(IReadOnlyList<FoundNetwork> Networks, IReadOnlyList<string> Problems)
{
    /// <summary>All that was read: the same as long as nothing changed. Times and sizes would not tell of a symbolic link that leads
    /// elsewhere now, nor of a file of another age moved into the place.</summary>
    internal string Content { get; private init; } = "";

    /// <summary>Reads the configuration files. What is wrong with one network keeps no other from being served.</summary>
    /// <param name="options">Where they are.</param>
    /// <param name="runs">Whether a network is served already, just as it was found: it goes on, and another that contradicts it is
    /// refused, whatever their files are called. Null: none is.</param>
    internal static NetworkCatalog Load(AgentOptions options, Func<FoundNetwork, bool>? runs = null)
    {
        List<FoundNetwork> found = [];
        List<string> problems = [];
        string content = "";
        foreach (string path in options.ConfFiles.Count > 0 ? options.ConfFiles : [options.ConfDir])
        {
            NetworkConfigList list = NetworkConfigList.Load(path, BackendTable.All);
            content += list.Content;
            problems.AddRange(list.Problems);
            found.AddRange(list.Networks);
            if (options.ConfFiles.Count > 0 && list.Networks.Count == 0 && list.Problems.Count == 0)
            {
                problems.Add(
                    $"{path}: expected a plugin of type \"{TwillConf.MainPlugin}\" or with ipam.type \"{TwillConf.IpamPlugin}\", found "
                        + $"neither"
                );
            }
        }

        IEnumerable<FoundNetwork> inOrder = found.OrderBy(network => runs is not null && runs(network) ? 0 : 1);
        List<FoundNetwork> served = NetworkClash.Split(inOrder, out IReadOnlyList<string> clashes);
        problems.AddRange(clashes);
        return new NetworkCatalog(served, problems) { Content = content };
    }
}
