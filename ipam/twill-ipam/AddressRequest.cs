using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Ipam;

/// <summary>
/// The addresses a runtime asks for by name, at most one of a family, in the three ways of the specification's CONVENTIONS.md, of which the
/// first found counts: <c>runtimeConfig.ips</c> (capability <c>ips</c>), <c>args.cni.ips</c>, <c>IP=</c> in CNI_ARGS. Bare or with a prefix
/// length, which says nothing here: the subnet's own counts.
/// </summary>
internal sealed class AddressRequest
{
    private readonly IpamConf _conf;
    private readonly List<IPAddress> _wanted = [];
    private readonly List<string> _wantedBy = [];

    private AddressRequest(IpamConf conf) => _conf = conf;

    /// <returns>the addresses; none when none is asked for; the same one several times is one</returns>
    /// <exception cref="CniException">code 4, 7: it cannot be read; code 2: more than one of a family, or one of a family that is not given
    /// out</exception>
    public static IPAddress[] Read(CniRequest request, IpamConf conf)
    {
        var wanted = new AddressRequest(conf);
        if (request.RuntimeConfig is { } runtimeConfig)
        {
            wanted.TakeAll(runtimeConfig["ips"]);
        }

        if (wanted._wanted.Count == 0)
        {
            wanted.TakeAll(request.Reader["args"]["cni"]["ips"]);
        }

        if (wanted._wanted.Count == 0 && request.Args["IP"] is { Length: > 0 } list)
        {
            wanted.TakeArgument(list);
        }

        return wanted._wanted.Count == 0 ? [] : wanted._wanted.ToArray();
    }

    private void TakeAll(ConfigReader list)
    {
        foreach (ConfigReader item in list.Items())
        {
            if (TryParse(item.RequiredString("an address"), out IPAddress? address))
            {
                Take(item.Path, address);
            }
            else
            {
                item.Complain("an address like 10.244.7.20", false);
            }
        }
    }

    private void TakeArgument(string list)
    {
        foreach (string text in list.Split(','))
        {
            if (!TryParse(text, out IPAddress? address))
            {
                throw new CniException(
                    CniErrorCode.InvalidEnvironment,
                    "invalid environment variables: CNI_ARGS",
                    $"CNI_ARGS: IP: expected an address like 10.244.7.20, got '{text}'"
                );
            }

            Take("CNI_ARGS: IP", address);
        }
    }

    private void Take(string where, IPAddress address)
    {
        RefuseUngiven(_conf, address.AddressFamily, $"{where}: {address}");
        for (int i = 0; i < _wanted.Count; i++)
        {
            if (_wanted[i].AddressFamily != address.AddressFamily)
            {
                continue;
            }

            if (_wanted[i].Equals(address))
            {
                return;
            }

            throw new CniException(
                CniErrorCode.UnsupportedField,
                $"an attachment gets one {Name(address.AddressFamily)} address",
                $"{where}: {address}, but {_wantedBy[i]} asks for {_wanted[i]}"
            );
        }
        _wanted.Add(address);
        _wantedBy.Add(where);
    }

    /// <exception cref="CniException">code 2: this network has no addresses of the family</exception>
    internal static void RefuseUngiven(IpamConf conf, AddressFamily family, string asked)
    {
        if (conf.Of(family) is null)
        {
            throw new CniException(CniErrorCode.UnsupportedField, "only IPv4 addresses are given out here", asked);
        }
    }

    internal static string Name(AddressFamily family) => family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";

    private static bool TryParse(string text, [NotNullWhen(true)] out IPAddress? address) =>
        text.Contains('/') ? IPPrefix.TryParse(text, out address, out _) : IPPrefix.TryParseAddress(text, out address);
}
