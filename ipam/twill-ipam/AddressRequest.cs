using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Twill.Cni;

namespace Twill.Ipam;

/// <summary>
/// The address a runtime asks for by name, in the three ways of the specification's CONVENTIONS.md, of which the first found counts:
/// <c>runtimeConfig.ips</c> (capability <c>ips</c>), <c>args.cni.ips</c>, <c>IP=</c> in CNI_ARGS. Bare or with a prefix length, which
/// says nothing here: the subnet's own counts.
/// </summary>
internal sealed class AddressRequest
{
    private IPAddress? _wanted;
    private string _wantedBy = "";

    /// <returns>the address, or null when none is asked for; the same one several times is one</returns>
    /// <exception cref="CniException">code 4, 7: it cannot be read; code 2: more than one, or one of IPv6</exception>
    public static IPAddress? Read(CniRequest request)
    {
        var wanted = new AddressRequest();
        if (request.RuntimeConfig is { } runtimeConfig) wanted.TakeAll(runtimeConfig["ips"]);
        if (wanted._wanted is null) wanted.TakeAll(request.Reader["args"]["cni"]["ips"]);
        if (wanted._wanted is null && request.Args["IP"] is { Length: > 0 } list) wanted.TakeArgument(list);
        return wanted._wanted;
    }

    private void TakeAll(ConfigReader list)
    {
        foreach (ConfigReader item in list.Items())
        {
            if (TryParse(item.RequiredString("an address"), out IPAddress? address)) Take(item.Path, address);
            else item.Complain("an address like 10.244.7.20", false);
        }
    }

    private void TakeArgument(string list)
    {
        foreach (string text in list.Split(','))
        {
            if (!TryParse(text, out IPAddress? address))
                throw new CniException(CniErrorCode.InvalidEnvironment, "invalid environment variables: CNI_ARGS",
                    $"CNI_ARGS: IP: expected an address like 10.244.7.20, got '{text}'");
            Take("CNI_ARGS: IP", address);
        }
    }

    private void Take(string where, IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetwork)
            throw new CniException(CniErrorCode.UnsupportedField, "only IPv4 addresses are given out here", $"{where}: {address}");
        if (_wanted is not null && !_wanted.Equals(address))
            throw new CniException(CniErrorCode.UnsupportedField, "an attachment gets one IPv4 address",
                $"{where}: {address}, but {_wantedBy} asks for {_wanted}");
        (_wanted, _wantedBy) = (address, where);
    }

    private static bool TryParse(string text, [NotNullWhen(true)] out IPAddress? address) =>
        text.Contains('/') ? IpText.TryParsePrefix(text, out address, out _) : IpText.TryParseAddress(text, out address);
}
