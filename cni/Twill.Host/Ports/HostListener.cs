using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Twill.System;

namespace Twill.Host.Ports;

/// <summary>
/// Ports of the host that a process of the host listens on: published, they would lead to a container instead, and nobody would reach that
/// process any more. Read from <c>/proc/net</c>, as <c>ss -lntu</c> shows them.
/// </summary>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Address">Where it listens; 0.0.0.0 or ::: at all addresses.</param>
/// <param name="Port">Its port.</param>
/// <param name="Inode">Of its socket; 0: the kernel's own.</param>
public sealed record HostListener(byte Protocol, IPAddress Address, ushort Port, ulong Inode)
{
    private const string Root = "/proc/thread-self/net";

    /// <summary>st of a socket that listens (TCP_LISTEN), or is bound and not connected (TCP_CLOSE, of UDP).</summary>
    private const string Listening = "0A",
        Unconnected = "07";

    /// <summary>Nothing, when no process of the host listens where a port is to be published.</summary>
    /// <param name="containerId">
    /// Whose they are to be. A process that has this among its arguments keeps the ports for the container, as podman's conmon does.
    /// </param>
    /// <param name="ports">The ports.</param>
    /// <exception cref="PortInUseException">One does.</exception>
    internal static void Refuse(string containerId, IReadOnlyList<PublishedPort> ports)
    {
        Dictionary<byte, List<HostListener>> all = [];
        foreach (PublishedPort port in ports)
        {
            if (!all.TryGetValue(port.Protocol, out List<HostListener>? listeners))
            {
                all[port.Protocol] = listeners = List(port.Protocol);
            }

            foreach (HostListener listener in listeners)
            {
                if (listener.IsInTheWayOf(port) && listener.Process(containerId) is { } process)
                {
                    throw new PortInUseException(
                        $"host port {port.HostSide} is in use by {process} of this host, listening at {listener.At}"
                    )
                    {
                        IsOfHost = true,
                    };
                }
            }
        }
    }

    /// <summary>Who listens on a port of the host, in words, and where; null: nobody.</summary>
    /// <param name="protocol">IP protocol number.</param>
    /// <param name="port">The port.</param>
    public static string? WhoHas(byte protocol, ushort port) =>
        List(protocol).Find(listener => listener.Port == port) is { } found ? $"{found.Process(containerId: null)} at {found.At}" : null;

    /// <summary>As with bind(2): a port at all addresses excludes the same at one of them. One at all IPv6 addresses has those of IPv4 as
    /// well, unless it asked for IPV6_V6ONLY, which /proc does not tell.</summary>
    internal bool IsInTheWayOf(PublishedPort port) =>
        Port == port.HostPort
        && Protocol == port.Protocol
        && (
            Address.Equals(port.HostAddress)
            || Address.Equals(IPAddress.IPv6Any)
            || (Address.AddressFamily == port.HostAddress.AddressFamily && (port.IsAny || Address.Equals(IPAddress.Any)))
        );

    private string At => new IPEndPoint(Address, Port).ToString();

    private static List<HostListener> List(byte protocol)
    {
        List<HostListener> all = [];
        foreach (string file in FilesOf(protocol))
        {
            try
            {
                bool isHead = true;
                foreach (string line in TextFile.ReadLines($"{Root}/{file}"))
                {
                    if (isHead)
                    {
                        isHead = false;
                        continue;
                    }

                    if (!TryParse(protocol, line, out HostListener? listener))
                    {
                        break;
                    }

                    if (listener is not null)
                    {
                        all.Add(listener);
                    }
                }
            }
            catch (IOException)
            {
                // this kernel has no IPv6, or no SCTP
            }
        }
        return all;
    }

    private static string[] FilesOf(byte protocol) =>
        protocol switch
        {
            IPProtocol.Tcp => ["tcp", "tcp6"],
            IPProtocol.Udp => ["udp", "udp6"],
            IPProtocol.Sctp => ["sctp/eps"],
            _ => [],
        };

    /// <summary>Reads a line.</summary>
    /// <param name="protocol">Which table it is of.</param>
    /// <param name="line">The line.</param>
    /// <param name="listener">Null when the socket does not listen.</param>
    /// <returns>False when none that listens can follow: TCP's are listed first, before what may be 100,000 connections.</returns>
    internal static bool TryParse(byte protocol, string line, out HostListener? listener)
    {
        listener = null;
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (protocol == IPProtocol.Sctp)
        {
            // ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS: the first address stands for all of them
            if (
                words.Length > 8
                && words[3] == "10"
                && ushort.TryParse(words[5], CultureInfo.InvariantCulture, out ushort port)
                && ulong.TryParse(words[7], CultureInfo.InvariantCulture, out ulong endpoint)
                && IPAddress.TryParse(words[8], out IPAddress? bound)
            )
            {
                listener = new HostListener(protocol, Plain(bound), port, endpoint);
            }

            return true;
        }

        // sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode
        if (words.Length < 10)
        {
            return true;
        }

        if (words[3] != (protocol == IPProtocol.Tcp ? Listening : Unconnected))
        {
            return protocol != IPProtocol.Tcp;
        }

        int colon = words[1].IndexOf(':');
        if (
            TryParseHex(words[1].AsSpan(0, Math.Max(colon, 0)), out IPAddress? address)
            && ushort.TryParse(words[1].AsSpan(colon + 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort local)
            && ulong.TryParse(words[9], CultureInfo.InvariantCulture, out ulong inode)
        )
        {
            listener = new HostListener(protocol, Plain(address), local, inode);
        }

        return true;
    }

    /// <summary>Words of 32 bits in the machine's byte order, whose bytes are in the network's.</summary>
    private static bool TryParseHex(ReadOnlySpan<char> text, out IPAddress address)
    {
        address = IPAddress.None;
        if (text.Length is not (8 or 32))
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[text.Length / 2];
        for (int i = 0; i < bytes.Length; i += 4)
        {
            if (!uint.TryParse(text.Slice(i * 2, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint word))
            {
                return false;
            }

            if (BitConverter.IsLittleEndian)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(bytes[i..], word);
            }
            else
            {
                BinaryPrimitives.WriteUInt32BigEndian(bytes[i..], word);
            }
        }

        address = new IPAddress(bytes);
        return true;
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <summary>Who has the socket, in words; null when it is kept for the container. Only asked when a port is refused.</summary>
    private string? Process(string? containerId)
    {
        if (Inode == 0)
        {
            return "the kernel";
        }

        string? name = null;
        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            string pid = process["/proc/".Length..];
            if (!char.IsAsciiDigit(pid[0]) || !Has(process))
            {
                continue;
            }

            if (containerId is not null && Array.IndexOf(Read($"{process}/cmdline").Split('\0'), containerId) >= 0)
            {
                return null;
            }

            name ??= $"process {Read($"{process}/comm").Trim()} (pid {pid})";
        }

        return name ?? "a process";
    }

    private bool Has(string process)
    {
        try
        {
            string socket = $"socket:[{Inode}]";
            foreach (string descriptor in Directory.EnumerateFileSystemEntries($"{process}/fd"))
            {
                if (new FileInfo(descriptor).LinkTarget == socket)
                {
                    return true;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // it ended meanwhile, or is not ours to look at
        }

        return false;
    }

    private static string Read(string file)
    {
        try
        {
            return TextFile.ReadAll(file);
        }
        catch (IOException)
        {
            return "";
        }
    }
}
