using Twill.Linux.Nftables;
using Twill.Network;

namespace Twill.Host.Forwarding;

/// <summary>A chain that drops, or may drop, packets of containers, or those that carry them between hosts.</summary>
/// <param name="Table">Its table.</param>
/// <param name="Chain">Its name.</param>
public sealed record BlockingChain(TableId Table, string Chain)
{
    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>False when not all of its rules are understood.</summary>
    public bool IsCertain { get; init; }

    /// <summary>True where only rules for just these packets drop them, so that somebody wanted it.</summary>
    public bool IsMeant { get; init; }

    /// <summary>True where <see cref="IptablesAccept"/> helps: the next ADD or the agent puts it in.</summary>
    public bool IsMendedByUs { get; init; }

    /// <summary>What drops which packets, for people.</summary>
    public string Text { get; init; } = "";

    /// <summary>The commands that let them through.</summary>
    public string Remedy { get; init; } = "";

    internal static BlockingChain Of(
        NftChain chain,
        List<(ProbePacket Packet, ChainVerdict ChainVerdict)> stopped,
        ForwardTraffic traffic,
        IptablesChains? iptables
    )
    {
        BlockingChain blocking = Of(chain, stopped, RemedyFor(chain, traffic, iptables));
        return blocking with { IsMendedByUs = iptables is not null && !blocking.IsMeant && traffic.Lan is null };
    }

    internal static BlockingChain Of(NftChain chain, List<(ProbePacket Packet, ChainVerdict ChainVerdict)> stopped, string remedy)
    {
        bool certain = stopped.Exists(one => one.ChainVerdict.Passes == MatchResult.No);
        string packets = string.Join("; ", stopped.ConvertAll(one => one.Packet.Description));
        string policy = chain.Base!.Policy == ChainPolicy.Drop ? " (policy drop)" : "";
        string rule = stopped.Find(one => one.ChainVerdict.By is not null).ChainVerdict?.By is { } by
            ? $" by rule {by.Handle} of chain {by.Chain} (nft -a list table {chain.Table})"
            : "";
        return new BlockingChain(chain.Table, chain.Name)
        {
            IsCertain = certain,
            IsMeant = stopped.TrueForAll(one => !one.ChainVerdict.IsForEverything),
            Text = certain
                ? $"chain {chain.Name} of nftables table {chain.Table}{policy} drops packets {packets}{rule}"
                : $"chain {chain.Name} of nftables table {chain.Table}{policy} may drop packets {packets}: twill does not understand "
                    + $"all of its rules",
            Remedy = remedy,
        };
    }

    private static string RemedyFor(NftChain chain, ForwardTraffic traffic, IptablesChains? iptables)
    {
        string table = $"{chain.Table} {chain.Name}",
            bridge = traffic.Bridge.Name,
            tables = $"{traffic.Word}tables";
        if (chain.Table.Family == NftFamily.Bridge)
        {
            return $"nft 'insert rule {table} iifname \"{DeviceNames.VethPrefix}*\" accept'"; // ports: bridges cannot be named everywhere
        }

        if (chain.Table.Name == "firewalld")
        {
            string what = traffic.Containers is { } source ? $"--add-source={source}" : $"--add-interface={bridge}";
            return $"firewall-cmd --permanent --zone=trusted {what} && firewall-cmd --reload";
        }
        if (iptables is not null)
        {
            string at = iptables.JumpToDockerUser() >= 0 ? IptablesChains.DockerUser : IptablesChains.Forward;
            return traffic.Containers is { } ours
                ? $"{tables} -I {at} -s {ours} -j ACCEPT && {tables} -I {at} -d {ours} -j ACCEPT"
                : $"{tables} -I {at} -i {bridge} -j ACCEPT && {tables} -I {at} -o {bridge} -j ACCEPT";
        }
        return traffic.Containers is { } containers
            ? $"nft insert rule {table} {traffic.Word} saddr {containers} accept && nft insert rule {table} {traffic.Word} daddr "
                + $"{containers} accept"
            : $"nft insert rule {table} iifname {bridge} accept && nft insert rule {table} oifname {bridge} accept";
    }
}
