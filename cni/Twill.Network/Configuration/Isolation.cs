using System.Net;
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

    /// <summary><c>portIsolation</c>, of which <c>icc</c> is the stronger form.</summary>
    internal static bool ReadPortIsolation(ConfigReader at, bool icc)
    {
        bool isolated = at.Bool(false);
        if (isolated && !icc)
        {
            at.ComplainText("\"icc\": false keeps the containers apart already, and takes them off the bridge: leave this key out");
        }

        return isolated;
    }
}
