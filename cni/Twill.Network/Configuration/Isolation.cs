using System.Net;
using System.Text.Json;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>The keys of a network's configuration that say what containers may do to each other.</summary>
internal static class Isolation
{
    /// <summary><c>antiSpoof</c>, or <c>macspoofchk</c>, as CNI's plugin <c>bridge</c> calls it; true where there is neither.</summary>
    internal static bool ReadAntiSpoof(ConfigReader plugin)
    {
        ConfigReader own = plugin["antiSpoof"],
            other = plugin["macspoofchk"];
        bool value = other.Bool(true);
        if (!own.Exists)
        {
            return value;
        }

        bool wanted = own.Bool(true);
        if (other.Exists && value != wanted)
        {
            other.ComplainText($"means the same as antiSpoof, which is {(wanted ? "true" : "false")}: leave one of them out");
        }

        return wanted;
    }

    /// <summary>Addresses and prefixes; what lies inside another is left out.</summary>
    internal static List<IPNetwork> ReadAllowedAddresses(ConfigReader at)
    {
        List<IPNetwork> all = [];
        foreach (ConfigReader item in at.Items())
        {
            string text = item.RequiredString("an address or a prefix");
            if (text.Length == 0)
            {
                continue;
            }

            IPNetwork? read =
                text.Contains('/') ? item.OptionalNetwork()
                : item.OptionalAddress() is { } address ? new IPNetwork(address, IPPrefix.Bits(address.AddressFamily))
                : null;
            if (read is not { } network || all.Exists(other => other.Covers(network)))
            {
                continue;
            }

            all.RemoveAll(other => network.Covers(other));
            all.Add(network);
        }

        return all;
    }

    /// <summary>
    /// Refuses what would keep containers apart if it were not ignored: who asks for that must not believe to have it. A value that asks
    /// for nothing passes.
    /// </summary>
    /// <exception cref="CniException">code 2</exception>
    internal static void RefuseUnsupported(ConfigReader plugin)
    {
        plugin["vlan"].RefuseUnlessEmpty("twill has no VLANs on its bridge; leave the key out, or give the VLAN a network of its own");
        plugin["vlanTrunk"].RefuseUnlessEmpty("twill has no VLANs on its bridge; leave the key out");
        plugin["portIsolation"].RefuseUnlessEmpty("\"icc\": false keeps containers of one network apart; leave this key out");
    }

    private static void RefuseUnlessEmpty(this ConfigReader at, string remedy)
    {
        bool isEmpty =
            !at.IsSet
            || at.Value.ValueKind == JsonValueKind.False
            || (at.Value.ValueKind == JsonValueKind.Number && at.Value.TryGetInt32(out int number) && number == 0)
            || (at.Value.ValueKind == JsonValueKind.Array && at.Value.GetArrayLength() == 0);
        if (!isEmpty)
        {
            at.ComplainUnsupported($"not supported; {remedy}");
        }
    }
}
