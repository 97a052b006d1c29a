using Twill.System;

namespace Twill.Host.Forwarding;

/// <summary>The older variant of iptables, whose rules are not nftables' and cannot be read over netlink.</summary>
public static class LegacyIptables
{
    private const string Names = "/proc/net/ip_tables_names"; // of the tables in this network namespace; absent without the module

    /// <summary>Whether it has a filter table here: what is in it, drops included, is not known.</summary>
    public static bool HasFilter => File.Exists(Names) && Array.IndexOf(TextFile.ReadAll(Names).Split('\n'), "filter") >= 0;

    /// <summary>That it has one, for people.</summary>
    public const string Text =
        "iptables-legacy has a filter table here, which twill cannot read: its FORWARD chain may drop containers' packets";

    /// <summary>What to do about it.</summary>
    public const string Remedy =
        "look at it (iptables-legacy -S FORWARD), or change to iptables-nft (update-alternatives --set iptables /usr/sbin/iptables-nft)";
}
