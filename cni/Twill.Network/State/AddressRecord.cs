using System.Diagnostics.CodeAnalysis;
using System.Net;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// Who has an address, as its file of twill-ipam (<c>&lt;dataDir&gt;/&lt;network&gt;/&lt;address&gt;</c>) says it, one fact per line:
/// <code>
/// container: 4f2c..
/// interface: eth0
/// boot: 6f9b3c1e-..
/// netns: /run/netns/cni-1
/// inode: 4:4026532621
/// </code>
/// and, when the attachment has several addresses, a line more with all of them:
/// <code>
/// addresses: 10.244.7.12 fc00:1:0:7::c
/// </code>
/// A record is only read back when all its lines are there and the last one is ended: a file cut short anywhere, or one that
/// somebody else put there, is no record.
/// </summary>
/// <param name="Owner">the attachment</param>
/// <param name="BootId">the boot in which it was claimed; the container cannot have outlived it</param>
/// <param name="Netns">CNI_NETNS of the ADD</param>
/// <param name="Identity">what that path led to then; null (written <c>-</c>) when it could not be looked at</param>
public sealed record AddressRecord(CniAttachment Owner, string BootId, string Netns, NetnsIdentity? Identity)
{
    /// <summary>A file of this many bytes or more is no record.</summary>
    public const int TooLarge = 8192;

    /// <summary>All addresses of the attachment, one of each family and IPv4 first, as the record spells them; empty when there is one
    /// only.</summary>
    public string Addresses { get; private init; } = "";

    /// <summary>The record of an attachment that gets these addresses.</summary>
    public AddressRecord Of(IPAddress[] addresses) =>
        addresses.Length > 1 ? this with { Addresses = string.Join<IPAddress>(' ', addresses) } : this;

    /// <summary>All addresses of the attachment.</summary>
    /// <param name="at">the address whose record this is</param>
    public IPAddress[] All(IPAddress at)
    {
        if (Addresses.Length == 0)
        {
            return [at];
        }

        return Array.ConvertAll(Addresses.Split(' '), IPAddress.Parse);
    }

    /// <summary>
    /// Why its container is certainly gone: its boot is over, or its network namespace is gone. Null while there is any doubt.
    /// </summary>
    /// <param name="bootId">the boot we are in</param>
    /// <param name="namespaces">which namespaces are gone</param>
    public string? WhyGone(string bootId, NetnsLiveness namespaces)
    {
        if (BootId != bootId)
        {
            return "it is of an earlier boot";
        }

        return Identity is { } identity && namespaces.IsGone(Netns, identity) ? $"its network namespace {Netns} is gone" : null;
    }

    /// <summary>The file's content.</summary>
    public string Format() =>
        $"container: {Owner.ContainerId}\ninterface: {Owner.IfName}\nboot: {BootId}\nnetns: {Netns}\ninode: {Identity?.ToString() ?? "-"}\n"
        + (Addresses.Length == 0 ? "" : $"addresses: {Addresses}\n");

    /// <summary>The address that a file of records is named by; null when that is none, or is written otherwise than twill-ipam
    /// does.</summary>
    public static IPAddress? AddressOf(string fileName) =>
        IPAddress.TryParse(fileName, out IPAddress? address) && address.ToString() == fileName ? address : null;

    /// <summary>Reads a file's content; false when it is not a whole record.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out AddressRecord? record)
    {
        record = null;
        if (
            !TryTake(ref text, "container: ", out string? container)
            || !TryTake(ref text, "interface: ", out string? ifName)
            || !TryTake(ref text, "boot: ", out string? boot)
            || !TryTake(ref text, "netns: ", out string? netns)
            || !TryTake(ref text, "inode: ", out string? inode)
        )
        {
            return false;
        }

        string? addresses = "";
        if (!text.IsEmpty && (!TryTake(ref text, "addresses: ", out addresses) || !AreAddresses(addresses) || !text.IsEmpty))
        {
            return false;
        }

        NetnsIdentity? id = null;
        if (inode != "-")
        {
            if (!NetnsIdentity.TryParse(inode, out NetnsIdentity parsed))
            {
                return false;
            }

            id = parsed;
        }
        record = new AddressRecord(new CniAttachment(container, ifName), boot, netns, id) { Addresses = addresses };
        return true;
    }

    private static bool AreAddresses(string text)
    {
        foreach (string address in text.Split(' '))
        {
            if (AddressOf(address) is null)
            {
                return false;
            }
        }
        return true;
    }

    private static bool TryTake(ref ReadOnlySpan<char> text, string label, [NotNullWhen(true)] out string? value)
    {
        value = null;
        int end = text.IndexOf('\n');
        if (end <= label.Length || !text.StartsWith(label, StringComparison.Ordinal))
        {
            return false;
        }

        value = text[label.Length..end].ToString();
        text = text[(end + 1)..];
        return true;
    }
}
