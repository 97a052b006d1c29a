using System.Globalization;
using System.Net.Sockets;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>The <c>ipam.etcd</c> section: where the cluster's etcd is and how to be let in.</summary>
/// <param name="Endpoints">URLs, http or https, each with its port</param>
/// <param name="Prefix">the network's prefix of keys, absolute, no trailing slash</param>
/// <param name="CaFile">certificates to trust; null: the system's</param>
/// <param name="CertFile">client certificate (PEM), with <paramref name="KeyFile"/></param>
/// <param name="KeyFile">its private key (PEM)</param>
/// <param name="Username">user, with <paramref name="PasswordFile"/></param>
/// <param name="PasswordFile">file with the user's password</param>
public sealed record EtcdConf(
    IReadOnlyList<string> Endpoints,
    string Prefix,
    string? CaFile,
    string? CertFile,
    string? KeyFile,
    string? Username,
    string? PasswordFile
)
{
    internal static EtcdConf? Parse(ConfigReader at, string networkName)
    {
        if (at.Section("endpoints", "prefix", "caFile", "certFile", "keyFile", "username", "passwordFile") is not ConfigReader section)
        {
            return null;
        }

        var conf = new EtcdConf(
            ReadEndpoints(section["endpoints"]),
            ReadPrefix(section["prefix"], networkName),
            section["caFile"].OptionalPath(),
            section["certFile"].OptionalPath(),
            section["keyFile"].OptionalPath(),
            section["username"].OptionalString(),
            section["passwordFile"].OptionalPath()
        );
        Together(section, "certFile", "keyFile");
        Together(section, "username", "passwordFile");
        RefuseTlsWithoutHttps(section, conf);
        return conf;
    }

    private static void Together(ConfigReader section, string one, string other)
    {
        bool hasOne = section[one].OptionalString() is not null,
            hasOther = section[other].OptionalString() is not null;
        if (hasOne != hasOther)
        {
            section[hasOne ? other : one].Complain($"a value, because {(hasOne ? one : other)} is set", false);
        }
    }

    private static void RefuseTlsWithoutHttps(ConfigReader section, EtcdConf conf)
    {
        foreach (string endpoint in conf.Endpoints)
        {
            if (endpoint.StartsWith("https://", StringComparison.Ordinal))
            {
                return;
            }
        }
        foreach (string key in (ReadOnlySpan<string>)["caFile", "certFile", "keyFile"])
        {
            if (section[key].OptionalString() is string file)
            {
                section[key].ComplainText($"'{file}' has no use: every endpoint is http, expected at least one https endpoint");
            }
        }
    }

    private static List<string> ReadEndpoints(ConfigReader at)
    {
        IReadOnlyList<ConfigReader> items = at.Items();
        if (items.Count == 0)
        {
            at.Complain("at least one URL like http://127.0.0.1:2379", false);
        }

        var endpoints = new List<string>();
        foreach (ConfigReader item in items)
        {
            string url = item.RequiredString("a URL like http://127.0.0.1:2379");
            if (IsEndpoint(url))
            {
                endpoints.Add(url.TrimEnd('/'));
            }
            else if (url.Contains('@')) // not repeated: there is a password in it
            {
                item.ComplainText(
                    "expected a URL like http://127.0.0.1:2379 without user and password: these belong into username and passwordFile"
                );
            }
            else if (url.Length > 0)
            {
                item.Complain("a URL like http://127.0.0.1:2379: http or https, host and port, nothing else", false);
            }
        }
        return endpoints;
    }

    /// <summary>http(s)://host:port, host being a name, an IPv4 address or an IPv6 address in brackets.</summary>
    private static bool IsEndpoint(string url)
    {
        string rest =
            url.StartsWith("http://", StringComparison.Ordinal) ? url[7..]
            : url.StartsWith("https://", StringComparison.Ordinal) ? url[8..]
            : "";
        if (rest.EndsWith('/'))
        {
            rest = rest[..^1];
        }

        int colon = rest.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(rest.AsSpan(colon + 1), NumberStyles.None, null, out ushort port) || port == 0)
        {
            return false;
        }

        string host = rest[..colon];
        if (host[0] == '[')
        {
            return host[^1] == ']'
                && IPPrefix.TryParseAddress(host.AsSpan(1, host.Length - 2), AddressFamily.InterNetworkV6, out _);
        }

        foreach (char c in host)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_'))
            {
                return false;
            }
        }
        return host.Length <= 253;
    }

    private static string ReadPrefix(ConfigReader at, string networkName)
    {
        string prefix = at.OptionalString() ?? $"/twill/{networkName}";
        bool good = prefix[0] == '/' && prefix.Length > 1;
        foreach (string part in prefix[1..].Split('/'))
        {
            good &= part is not ("" or "." or "..");
        }

        foreach (char c in prefix)
        {
            good &= !char.IsControl(c) && !char.IsWhiteSpace(c);
        }

        return good
            ? prefix
            : at.Complain("a prefix like /twill/net: absolute, no empty part, no trailing slash, no white space", "/twill");
    }
}
