using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.System;

namespace Twill.Host.Ports;

/// <summary>The ports of one container.</summary>
/// <param name="ContainerId">Whose they are.</param>
/// <param name="IfName">And of which interface.</param>
/// <param name="Ports">The ports.</param>
public sealed record PodPorts(string ContainerId, string IfName, IReadOnlyList<PublishedPort> Ports)
{
    /// <summary>Name of the container's host end.</summary>
    public string HostName => DeviceNames.Veth(ContainerId, IfName);

    /// <summary>The addresses that the ports lead to, each once.</summary>
    internal HashSet<IPAddress> Addresses => [.. Ports.ConvertAll(port => port.Address)];
}

/// <summary>
/// What is published, once more as files: who flushes the kernel's rules takes the port maps with them, and nothing else knows what was in
/// them. One file for a container with ports, named like its host end:
/// <code>
/// container: 4f2c..
/// interface: eth0
/// tcp 0.0.0.0 8080 10.244.7.5 80
/// end
/// </code>
/// and for each of its addresses a symbolic link to it, <c>addresses/10.244.7.5</c>, by which an ADD that is given the address finds what
/// still leads there. ADD writes it before the kernel's maps and DEL removes it before them, so that what is in the maps always has a
/// record, and a record that is gone means that nobody may publish it any more. One that is cut short is none. They live as long as the
/// kernel's state, until reboot.
/// </summary>
/// <param name="directory">Where they are; made when the first one is written.</param>
public sealed class PortRecords(string directory)
{
    private const string End = "end",
        NewSuffix = ".new",
        LinkPrefix = "../";

    private string AddressesPath => Path.Combine(directory, "addresses");

    /// <summary>Writes the record of a container; one that is there is replaced, in one step.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(PodPorts pod)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"container: {pod.ContainerId}\ninterface: {pod.IfName}\n");
        foreach (PublishedPort port in pod.Ports)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{port.ProtocolName} {port.HostAddress} {port.HostPort} {port.Address} {port.Port}\n"
            );
        }

        text.Append(End).Append('\n');
        string path = PathOf(pod.HostName);
        EnsureLinks();
        File.WriteAllText(path + NewSuffix, text.ToString()); // before the links: by it DEL knows that there may be some
        PutLinks(pod);
        File.Move(path + NewSuffix, path, overwrite: true);
    }

    /// <summary>The host end's name of the container whose ports lead to an address, according to its record; null when there is
    /// none.</summary>
    public string? OwnerOf(IPAddress address)
    {
        string link = Path.Combine(AddressesPath, address.ToString());
        if (new FileInfo(link).LinkTarget is { } target)
        {
            return target.StartsWith(LinkPrefix, StringComparison.Ordinal) ? target[LinkPrefix.Length..] : null;
        }

        if (!Directory.Exists(directory) || Directory.Exists(AddressesPath))
        {
            return null;
        }

        EnsureLinks();
        return OwnerOf(address);
    }

    /// <summary>Makes the directory of links; the first time with one for each address of the records that are there, which a former
    /// version may have written.</summary>
    private void EnsureLinks()
    {
        if (Directory.Exists(AddressesPath))
        {
            return;
        }

        Directory.CreateDirectory(AddressesPath);
        List().ForEach(PutLinks);
    }

    private void PutLinks(PodPorts pod)
    {
        foreach (IPAddress address in pod.Addresses)
        {
            string link = Path.Combine(AddressesPath, address.ToString());
            File.Delete(link);
            File.CreateSymbolicLink(link, LinkPrefix + pod.HostName);
        }
    }

    /// <summary>Removes the record of a container, and what a killed ADD left of one. None is no error.</summary>
    /// <returns>What was in it, if it could be read.</returns>
    public PodPorts? Remove(string hostName)
    {
        if (!Directory.Exists(directory))
        {
            return null;
        }

        PodPorts? recorded = TryRead(hostName);
        bool isHalfWritten = File.Exists(PathOf(hostName) + NewSuffix) || (recorded is null && Has(hostName));
        foreach (string link in isHalfWritten ? Links() : LinksOf(recorded))
        {
            if (new FileInfo(link).LinkTarget == LinkPrefix + hostName)
            {
                File.Delete(link);
            }
        }

        File.Delete(PathOf(hostName));
        File.Delete(PathOf(hostName) + NewSuffix);
        return recorded;
    }

    private List<string> Links() => Directory.Exists(AddressesPath) ? [.. Directory.GetFiles(AddressesPath)] : [];

    private List<string> LinksOf(PodPorts? pod)
    {
        List<string> links = [];
        foreach (IPAddress address in pod?.Addresses ?? [])
        {
            links.Add(Path.Combine(AddressesPath, address.ToString()));
        }
        return links;
    }

    /// <summary>Whether a container has a record, whatever is in it.</summary>
    public bool Has(string hostName) => File.Exists(PathOf(hostName));

    /// <summary>The host ends' names of all containers that have a record, be it half-written.</summary>
    public IReadOnlyCollection<string> Owners()
    {
        HashSet<string> owners = [];
        if (!Directory.Exists(directory))
        {
            return owners;
        }

        foreach (string path in Directory.EnumerateFiles(directory))
        {
            string name = Path.GetFileName(path);
            owners.Add(name.EndsWith(NewSuffix, StringComparison.Ordinal) ? name[..^NewSuffix.Length] : name);
        }
        return owners;
    }

    /// <summary>All records that can be read; the others are passed over.</summary>
    public List<PodPorts> List()
    {
        List<PodPorts> all = [];
        foreach (string hostName in Owners())
        {
            if (TryRead(hostName) is { } pod)
            {
                all.Add(pod);
            }
        }
        return all;
    }

    /// <summary>Whether a port on record is of a kind: records are read until one is.</summary>
    public bool Any(Func<PublishedPort, bool> isOfKind)
    {
        if (!Directory.Exists(directory))
        {
            return false;
        }

        foreach (string path in Directory.EnumerateFiles(directory))
        {
            if (TryRead(Path.GetFileName(path)) is { } pod && pod.Ports.Exists(isOfKind))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>What is wrong with the record of a container with these ports, in words; null when it is right.</summary>
    public string? FindDifference(string hostName, IReadOnlyList<PublishedPort> published)
    {
        if (published.Count == 0)
        {
            return null;
        }

        string path = PathOf(hostName);
        return TryRead(hostName) is not { } pod ? $"the record {path} of the published ports is missing or cut short"
            : !new HashSet<PublishedPort>(published).SetEquals(pod.Ports) ? $"the record {path} has other ports than are published"
            : null;
    }

    /// <summary>Containers that have a record and still their host end, but lack one of their ports in the kernel.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="route">Another one.</param>
    /// <param name="network">The network's name.</param>
    public List<PodPorts> FindLost(NftSocket nft, RouteSocket route, string network)
    {
        List<PodPorts> recorded = List();
        if (recorded.Count == 0)
        {
            return recorded;
        }

        return PortMaps.FindMissing(nft, network, recorded).FindAll(pod => route.TryGetLink(pod.HostName, out _));
    }

    /// <summary>Publishes again what was lost. A container that another has taken a port from meanwhile stays as it is.</summary>
    /// <param name="nft">A socket in the host's namespace. The network's table is there.</param>
    /// <param name="route">Another one.</param>
    /// <param name="network">The network's name.</param>
    /// <returns>Whose ports lead to them again.</returns>
    public List<PodPorts> Restore(NftSocket nft, RouteSocket route, string network)
    {
        List<PodPorts> restored = [];
        foreach (PodPorts pod in FindLost(nft, route, network))
        {
            try
            {
                PortMaps.Publish(nft, route, network, pod.ContainerId, pod.IfName, pod.Ports);
            }
            catch (PortInUseException)
            {
                continue; // taken between the question and now: CHECK of this container says so
            }
            // Its DEL may have run meanwhile. It removed the record first: either it found what is published now, or it is seen here.
            if (Has(pod.HostName))
            {
                restored.Add(pod);
            }
            else
            {
                PortMaps.Release(nft, network, pod.HostName);
            }
        }
        return restored;
    }

    private string PathOf(string hostName) => Path.Combine(directory, hostName);

    private PodPorts? TryRead(string hostName)
    {
        string path = PathOf(hostName);
        if (!File.Exists(path))
        {
            return null;
        }

        List<string> lines;
        try
        {
            lines = [.. TextFile.ReadLines(path)];
        }
        catch (FileNotFoundException)
        {
            return null; // removed just now
        }
        if (
            lines.Count < 3
            || lines[^1] != End
            || Value(lines[0], "container: ") is not { } container
            || Value(lines[1], "interface: ") is not { } ifName
        )
        {
            return null;
        }

        List<PublishedPort> ports = [];
        foreach (string line in lines[2..^1])
        {
            if (!TryParse(line, out PublishedPort? port))
            {
                return null;
            }

            ports.Add(port);
        }
        PodPorts pod = new(container, ifName, ports);
        return pod.HostName == hostName ? pod : null;
    }

    private static string? Value(string line, string label) =>
        line.Length > label.Length && line.StartsWith(label, StringComparison.Ordinal) ? line[label.Length..] : null;

    private static bool TryParse(string line, [NotNullWhen(true)] out PublishedPort? port)
    {
        string[] words = line.Split(' ');
        port = null;
        if (
            words.Length != 5
            || !IPProtocol.TryParseTransport(words[0], out byte protocol)
            || !IPAddress.TryParse(words[1], out IPAddress? host)
            || !TryParsePort(words[2], out ushort hostPort)
            || !IPAddress.TryParse(words[3], out IPAddress? address)
            || !TryParsePort(words[4], out ushort inside)
        )
        {
            return false;
        }

        port = new PublishedPort(protocol, host, hostPort, address, inside);
        return true;
    }

    private static bool TryParsePort(string text, out ushort port) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port);
}
