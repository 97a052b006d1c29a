using Twill.Cni;
using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Ipam;

/// <summary>What the verbs read of the configuration: all of it for those that promise something, next to nothing for those that clean
/// up.</summary>
internal static class IpamConfiguration
{
    /// <exception cref="CniException">code 7, naming path, value and expectation</exception>
    public static TwillConf Read(CniRequest request)
    {
        TwillConf conf = TwillConf.ParseForIpam(request.Reader, BackendTable.All);
        if (conf.Ipam.IsForeign)
        {
            request.Reader["ipam"]["type"].Complain($"{TwillConf.IpamPlugin}, which is the plugin that was run", false);
        }

        return conf;
    }

    /// <summary>Where the records are, whatever else is wrong with the configuration; what is wrong with this goes to the log.</summary>
    public static string ReadDataDir(CniRequest request, IpamHost host)
    {
        var complaints = new List<string>();
        string? dataDir = IpamConf.ReadDataDir(request.Reader.Lenient(complaints)["ipam"]["dataDir"]);
        foreach (string complaint in complaints)
        {
            host.Log($"{complaint}; going on with the default");
        }

        return dataDir ?? IpamConf.DefaultDataDir;
    }
}
