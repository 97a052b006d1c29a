using Twill.Cni;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Ipam;

/// <summary>The resolver settings of a result: those of the file <c>resolvConf</c> names, else the configuration's <c>dns</c>.</summary>
internal static class ResolverSettings
{
    /// <exception cref="CniException">code 5: the file cannot be read</exception>
    public static CniDns Of(IpamConf conf)
    {
        if (conf.ResolvConf is not { } path)
        {
            return conf.Dns;
        }

        try
        {
            return Parse(TextFile.ReadAll(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CniException(
                CniErrorCode.IoFailure,
                "cannot read the resolver settings",
                $"$.ipam.resolvConf: {path}: {e.Message}",
                e
            );
        }
    }

    /// <summary>resolv.conf(5): one keyword and its values per line, the last <c>domain</c>, <c>search</c> and <c>options</c>
    /// count.</summary>
    internal static CniDns Parse(string text)
    {
        var servers = new List<string>();
        string domain = "";
        string[] search = [],
            options = [];
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || words[0][0] is '#' or ';')
            {
                continue;
            }

            switch (words[0])
            {
                case "nameserver":
                    servers.Add(words[1]);
                    break;
                case "domain":
                    domain = words[1];
                    break;
                case "search":
                    search = words[1..];
                    break;
                case "options":
                    options = words[1..];
                    break;
                default:
                    break; // sortlist and what is yet to come: CNI has no field for it
            }
        }
        return new CniDns(servers, domain, search, options);
    }
}
