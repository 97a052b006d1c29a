using System.Net.Sockets;
using System.Text;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// Who this host is to the others, for good: made once at random, kept on disk, the same after reboots and under a new address. When many
/// processes come first at once, one of them makes it and all take that one.
/// </summary>
public static class NodeIdentity
{
    // Beside the networks' directories: no network's name begins with a dot.
    private const string IncarnationFile = ".incarnation";
    /// <summary>The node id's file, among the directories of networks: no network can have this name.</summary>
    internal const string NodeIdFile = "node-id";

    private const string WireGuardKeyFile = "wireguard-key";
    private const int WireGuardKeyLength = 32;

    /// <summary>The node's id: 32 hexadecimal digits, in <c>node-id</c>.</summary>
    /// <param name="dataDir">the plugin's data directory; made when missing</param>
    /// <param name="replaced">null, or what was wrong with the content that had to be replaced</param>
    /// <exception cref="IOException">it can neither be read nor made</exception>
    public static string NodeId(string dataDir, out string? replaced) =>
        ReadOrMake(dataDir, NodeIdFile, IsNodeId, static () => Hex(16), out replaced);

    /// <summary>The node's id, if it was ever made and is readable; nothing is made here.</summary>
    /// <param name="dataDir">the plugin's data directory</param>
    public static string? KnownNodeId(string dataDir) =>
        AtomicFile.TryReadAll(Path.Combine(dataDir, NodeIdFile)) is byte[] known
        && Encoding.UTF8.GetString(known).Trim() is var text
        && IsNodeId(text)
            ? text
            : null;

    /// <summary>
    /// Which run of this host this is: 32 hexadecimal digits, made anew at each boot, in <c>.incarnation</c> of the run-time state, behind
    /// the boot id. A copy of the disk has another, although it has the same node id.
    /// </summary>
    /// <param name="state">Where run-time state lives.</param>
    /// <param name="bootId">This boot.</param>
    /// <exception cref="IOException">it can neither be read nor made</exception>
    public static string Incarnation(StateDir state, string bootId) => RenewIncarnation(state, bootId, former: "");

    /// <summary>Another incarnation than the one that a running copy of this host has as well, unless there is another already.</summary>
    /// <param name="state">Where run-time state lives.</param>
    /// <param name="bootId">This boot.</param>
    /// <param name="former">The one that it must not be.</param>
    /// <exception cref="IOException">it can neither be read nor made</exception>
    public static string RenewIncarnation(StateDir state, string bootId, string former)
    {
        string start = bootId + " ";
        string text = ReadOrMake(
            state.Root,
            IncarnationFile,
            text => text.StartsWith(start, StringComparison.Ordinal) && IsNodeId(text[start.Length..]) && text[start.Length..] != former,
            () => start + Hex(16),
            out _
        );
        return text[start.Length..];
    }

    /// <summary>Forgets which run of this host this is, when nothing else is left of run-time state.</summary>
    /// <param name="state">Where run-time state lives.</param>
    /// <exception cref="IOException">it cannot be removed</exception>
    public static void ForgetIncarnation(StateDir state)
    {
        string file = Path.Combine(state.Root, IncarnationFile);
        if (Directory.GetFileSystemEntries(state.Root) is [var only] && only == file)
        {
            File.Delete(file);
        }
    }

    /// <summary>The commands that give a host an identity of its own, when it has that of another because its disk is a copy.</summary>
    /// <param name="dataDir">the plugin's data directory</param>
    public static string MakeAnew(string dataDir) =>
        $"systemctl stop twilld; rm -f {dataDir}/node-id {dataDir}/*/vtep-mac {dataDir}/*/vtep-mac-v6 {dataDir}/*/{WireGuardKeyFile}; "
        + "systemctl start twilld";

    /// <summary>
    /// A VXLAN device's hardware address, locally administered and unicast (02:...), in <c>network/vtep-mac</c>; of the one that sends over
    /// IPv6 in <c>network/vtep-mac-v6</c>.
    /// </summary>
    /// <param name="dataDir">the plugin's data directory; made when missing</param>
    /// <param name="network">the network's name, valid</param>
    /// <param name="outer">the family that the device sends over</param>
    /// <param name="replaced">null, or what was wrong with the content that had to be replaced</param>
    /// <returns>lower-case hex with colons</returns>
    public static string VtepMac(string dataDir, string network, AddressFamily outer, out string? replaced) =>
        ReadOrMake(
            Path.Combine(dataDir, network),
            outer == AddressFamily.InterNetworkV6 ? "vtep-mac-v6" : "vtep-mac",
            IsMac,
            static () =>
            {
                string hex = Hex(5);
                return $"02:{hex[..2]}:{hex[2..4]}:{hex[4..6]}:{hex[6..8]}:{hex[8..]}";
            },
            out replaced
        );

    /// <summary>
    /// The host's WireGuard private key, 32 random bytes in base64 as <c>wg genkey</c> writes them, in <c>network/wireguard-key</c> with
    /// mode 0600, whatever mode it was found with. To have another one, delete the file.
    /// </summary>
    /// <param name="dataDir">the plugin's data directory; made when missing</param>
    /// <param name="network">the network's name, valid</param>
    /// <param name="replaced">null, or what was wrong with the content that had to be replaced; no part of the content</param>
    /// <returns>base64; a secret, for nobody's eyes</returns>
    public static string WireGuardKey(string dataDir, string network, out string? replaced)
    {
        string directory = Path.Combine(dataDir, network),
            path = Path.Combine(directory, WireGuardKeyFile);
        string key = ReadOrMake(
            directory,
            WireGuardKeyFile,
            IsWireGuardKey,
            static () =>
            {
                Span<byte> bytes = stackalloc byte[WireGuardKeyLength];
                Libc.Random(bytes);
                bytes[0] &= 248; // the five bits that all private keys share (RFC 7748, section 5)
                bytes[^1] = (byte)(bytes[^1] & 127 | 64);
                return Convert.ToBase64String(bytes);
            },
            out replaced,
            isSecret: true
        );
        if (OperatingSystem.IsLinux() && (File.GetUnixFileMode(path) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) != 0)
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            replaced ??= $"{path}: others could read this private key; its mode is 0600 now. Delete the file to have another key";
        }
        return key;
    }

    private static string ReadOrMake(
        string directory,
        string name,
        Func<string, bool> isGood,
        Func<string> make,
        out string? replaced,
        bool isSecret = false
    )
    {
        string path = Path.Combine(directory, name),
            text = "";
        replaced = null;
        if (AtomicFile.TryReadAll(path) is byte[] known && isGood(text = Encoding.UTF8.GetString(known).Trim()))
        {
            return text;
        }

        StateDir.MakePrivate(directory);
        string? damage = null;
        AtomicFile.Update(
            path,
            content =>
            {
                if (content is not null && isGood(text = Encoding.UTF8.GetString(content).Trim()))
                {
                    return null; // another process was faster
                }

                if (content is not null)
                {
                    damage = $"{path}: replaced, it held no valid {name}{(isSecret ? "" : $" but '{ConfigReader.Shorten(text, 60)}'")}";
                }

                text = make();
                return Encoding.UTF8.GetBytes(text + "\n");
            },
            durable: true
        );
        replaced = damage;
        return text;
    }

    private static string Hex(int count)
    {
        Span<byte> bytes = stackalloc byte[count];
        Libc.Random(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    private static bool IsNodeId(string text) => text.Length == 32 && text.AsSpan().IndexOfAnyExcept("0123456789abcdef") < 0;

    private static bool IsWireGuardKey(string text)
    {
        Span<byte> key = stackalloc byte[WireGuardKeyLength];
        return text.Length == 44
            && Convert.TryFromBase64String(text, key, out int length)
            && length == WireGuardKeyLength
            && key.ContainsAnyExcept((byte)0);
    }

    private static bool IsMac(string text)
    {
        if (text.Length != 17 || (Convert.ToInt32(char.IsAsciiHexDigit(text[1]) ? text[1..2] : "1", 16) & 1) != 0)
        {
            return false; // the lowest bit of the first byte marks multicast
        }

        for (int i = 0; i < text.Length; i++)
        {
            if (i % 3 == 2 ? text[i] != ':' : !char.IsAsciiDigit(text[i]) && text[i] is not (>= 'a' and <= 'f'))
            {
                return false;
            }
        }
        return true;
    }
}
