using Twill.Host;
using Twill.Host.Forwarding;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>The networks that something of ours on this host bears the name of, whether a configuration still does or not.</summary>
internal static class DiscoveredNetworks
{
    public static List<string> Names(HostView host)
    {
        HashSet<string> names = [];
        foreach (Link link in host.Links)
        {
            string alias = link.Alias ?? "";
            if (OverlayDevice.IsOverlay(link) && After(alias, OverlaySpec.AliasOf("")) is { } overlay)
            {
                names.Add(overlay);
            }
            else if (
                (DeviceNames.IsVeth(link.Name) || DeviceNames.IsIfb(link.Name))
                && After(alias, "twill ") is { } rest
                && rest.IndexOf(' ') is > 0 and int end
            )
            {
                names.Add(rest[..end]);
            }
        }
        using (NftSocket nft = NftSocket.Open())
        {
            foreach (NftTable table in nft.ListTables())
            {
                if (
                    After(table.Id.Name, DeviceNames.NftTable("")) is { } network
                    && table.Comment?.StartsWith("twill", StringComparison.Ordinal) == true
                )
                {
                    names.Add(network);
                }
            }
            names.UnionWith(IptablesAccept.Networks(nft));
        }
        if (Directory.Exists(host.State.Root))
        {
            foreach (string directory in Directory.EnumerateDirectories(host.State.Root))
            {
                names.Add(Path.GetFileName(directory));
            }
        }
        return names.InOrder();
    }

    private static string? After(string text, string start) =>
        text.Length > start.Length && text.StartsWith(start, StringComparison.Ordinal) ? text[start.Length..] : null;
}
