using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network.Configuration;

namespace Twill.Host;

/// <summary>Whose a bridge and an overlay device are: what hangs on the one and the name that the other bears say it, so that no other
/// network's configuration has to be read.</summary>
public static class BridgeOwner
{
    /// <summary>Nothing, when neither the bridge nor an overlay device of the network's name is another network's.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="conf">The network.</param>
    /// <param name="bridge">Its bridge; null: there is none.</param>
    /// <exception cref="HostException">One is.</exception>
    public static void ThrowIfAnothers(RouteSocket route, TwillConf conf, Link? bridge)
    {
        // Where a thousand containers start at once, no list of ports is ever whole. One port of another network's is enough.
        foreach (Link link in bridge is null ? [] : route.ListPortsOnce(bridge.Index))
        {
            if (NetworkOf(link) is { } other && other != conf.Name)
            {
                throw new HostException(
                    $"bridge {bridge!.Name} is network '{other}'s, whose containers hang on it: name another in $.bridge"
                );
            }
        }

        foreach (string name in conf.Backend.DeviceNames)
        {
            if (
                route.TryGetLink(name, out Link? overlay)
                && overlay.Alias is { } alias
                && alias.StartsWith(OverlaySpec.AliasOf(""), StringComparison.Ordinal)
                && alias != OverlaySpec.AliasOf(conf.Name)
            )
            {
                throw new HostException(
                    $"overlay device {name} is another network's (alias \"{alias}\"), as {conf.Backend.ExclusiveSetting} is: give this one "
                        + "its own"
                );
            }
        }
    }

    /// <summary>The network of a container's host end, from its alias; null: it is none.</summary>
    private static string? NetworkOf(Link end) =>
        Twill.Network.DeviceNames.IsVeth(end.Name) && end.Alias?.Split(' ') is ["twill", var network, _, _, ..] ? network : null;
}
