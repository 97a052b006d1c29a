using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>Notes the source addresses of the pings that arrive at a place, in an nftables set of its own.</summary>
internal sealed class SourceWatch : IDisposable
{
    private readonly NetnsShell _place;

    private SourceWatch(NetnsShell place) => _place = place;

    internal static SourceWatch On(NetnsShell place)
    {
        place.Sh(
            """
            nft -f - <<'EOF'
            table inet watch {
                set sources { type ipv4_addr; flags dynamic; }
                set sources6 { type ipv6_addr; flags dynamic; }
                chain input {
                    type filter hook input priority 0;
                    icmp type echo-request add @sources { ip saddr }
                    icmpv6 type echo-request add @sources6 { ip6 saddr }
                }
            }
            EOF
            """
        );
        return new SourceWatch(place);
    }

    internal IReadOnlyList<string> Sources() => [.. ElementsOf("sources"), .. ElementsOf("sources6")];

    private IEnumerable<string> ElementsOf(string name)
    {
        JsonElement set = _place.NftJson($"list set inet watch {name}").EnumerateArray().Last().GetProperty("set");
        return set.TryGetProperty("elem", out JsonElement elements) ? elements.EnumerateArray().Select(e => e.GetString()!) : [];
    }

    public void Dispose() => _place.Nft("delete table inet watch");
}
