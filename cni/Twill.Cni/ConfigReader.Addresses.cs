using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Cni;

/// <content>Addresses and prefixes.</content>
public sealed partial class ConfigReader
{
    /// <summary>An address with a prefix length, <c>10.1.0.5/16</c>; null after a noted complaint.</summary>
    /// <param name="family">only this family; Unspecified: either</param>
    public (IPAddress Address, int Length)? Prefix(AddressFamily family = AddressFamily.Unspecified)
    {
        string expectation = $"an {FamilyName(family)}address with prefix length like 10.1.0.5/16";
        string text = RequiredString(expectation);
        if (text.Length == 0)
        {
            return null;
        }

        return IPPrefix.TryParse(text, out IPAddress address, out int length) && IsOf(family, address)
            ? (address, length)
            : Complain<(IPAddress, int)?>(expectation, null);
    }

    /// <summary>A prefix with no bits set beyond its length, <c>10.244.0.0/16</c>; null when absent or after a noted complaint.</summary>
    /// <param name="family">only this family; Unspecified: either</param>
    public IPNetwork? OptionalNetwork(AddressFamily family = AddressFamily.Unspecified)
    {
        string expectation =
            $"an {FamilyName(family)}prefix like {(family == AddressFamily.InterNetworkV6 ? "fc00:1::/48" : "10.244.0.0/16")}";
        if (!IsSet)
        {
            return null;
        }

        string text = RequiredString(expectation);
        if (text.Length == 0)
        {
            return null;
        }

        if (!IPPrefix.TryParse(text, out IPAddress address, out int length) || !IsOf(family, address))
        {
            return Complain<IPNetwork?>(expectation, null);
        }

        IPNetwork network = IPPrefix.Of(address, length);
        return network.BaseAddress.Equals(address)
            ? network
            : Complain<IPNetwork?>($"a prefix with no bits set beyond its length (here {network})", null);
    }

    /// <summary>An address; null when absent or after a noted complaint.</summary>
    /// <param name="family">only this family; Unspecified: either</param>
    public IPAddress? OptionalAddress(AddressFamily family = AddressFamily.Unspecified) =>
        OptionalString() is string text ? ReadAddress(text, family) : null;

    /// <summary>An address that must be there.</summary>
    /// <param name="family">only this family; Unspecified: either</param>
    public IPAddress? Address(AddressFamily family = AddressFamily.Unspecified) =>
        RequiredString($"an {FamilyName(family)}address") is { Length: > 0 } text ? ReadAddress(text, family) : null;

    private IPAddress? ReadAddress(string text, AddressFamily family) =>
        IPPrefix.TryParseAddress(text, out IPAddress address) && IsOf(family, address)
            ? address
            : Complain<IPAddress?>($"an {FamilyName(family)}address", null);

    private static bool IsOf(AddressFamily family, IPAddress address) =>
        family == AddressFamily.Unspecified || address.AddressFamily == family;

    private static string FamilyName(AddressFamily family) =>
        family switch
        {
            AddressFamily.InterNetwork => "IPv4 ",
            AddressFamily.InterNetworkV6 => "IPv6 ",
            _ => "IP ",
        };
}
