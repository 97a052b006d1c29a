using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Twill.Linux.Netlink;
using Xunit.Sdk;

namespace Twill.Linux.Tests;

/// <summary>Commands that requests say they equal, beside those that sent the golden bytes.</summary>
internal static partial class Commands
{
    /// <summary>Bytes that a command sends beside what it is for, or that only another spelling of it sends.</summary>
    private static readonly HashSet<string> s_others = ["links/get-link", "wireguard/get-family", "nftables/delete-elements-map.hex"];

    /// <summary>The links that the golden files are about.</summary>
    internal static CommandNames Names { get; } = new GoldenNames();

    /// <summary>Fails unless both say the same. The order of words does not matter to ip, bridge, tc and wg.</summary>
    internal static void Equal(string name, string captured, string ours)
    {
        if (s_others.Contains(name))
        {
            return;
        }

        string theirs = Normal(SendsThis().Replace(captured.TrimStart('#', ' '), ""));
        if (theirs != Normal(ours))
        {
            throw new XunitException($"{name}: the command is\n  {theirs}\nand not\n  {Normal(ours)}");
        }
    }

    private static string Normal(string command)
    {
        string text = Noise().Replace(command, "");
        text = text.Replace("/run/self", "(secret)", StringComparison.Ordinal).Replace("/run/psk", "(secret)", StringComparison.Ordinal);
        text = text.Replace("mbit", "000000bit", StringComparison.Ordinal).Replace("gbit", "000000000bit", StringComparison.Ordinal);
        text = text.Replace(" and ", " & ", StringComparison.Ordinal).Replace("filter + 10", "10", StringComparison.Ordinal);
        text = text.Replace(" nud all", "", StringComparison.Ordinal); // ip leaves out some of what the kernel lists without it
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words[0] != "nft")
        {
            Array.Sort(words, StringComparer.Ordinal);
        }

        return string.Join(' ', words);
    }

    [GeneratedRegex(" sends this.*$")]
    private static partial Regex SendsThis();

    [GeneratedRegex("['\";]")]
    private static partial Regex Noise();

    private sealed class GoldenNames : CommandNames
    {
        public override string Link(int index) =>
            index switch
            {
                1 => "lo",
                10 => "br0",
                11 => "vx0",
                12 => "tw0",
                13 => "tw1",
                14 => "tb0",
                _ => base.Link(index),
            };

        public override string Netns(SafeHandle handle) => "pod";
    }
}
