using System.Globalization;
using System.Net;
using System.Text;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>The names of a container in a network.</summary>
/// <param name="ContainerId">The container.</param>
/// <param name="IfName">Its interface.</param>
/// <param name="Names">Its names, in lower case, each one label.</param>
/// <param name="Addresses">Its addresses.</param>
/// <param name="Ports">Ports of its own that were published.</param>
public sealed record NameRecord(
    string ContainerId,
    string IfName,
    IReadOnlyList<string> Names,
    IReadOnlyList<IPAddress> Addresses,
    IReadOnlyList<NamedPort> Ports
)
{
    /// <summary>Name of the container's host end.</summary>
    public string HostName { get; } = DeviceNames.Veth(ContainerId, IfName);
}

/// <summary>A port that a container answers at.</summary>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Number">The port.</param>
public readonly record struct NamedPort(byte Protocol, ushort Number)
{
    /// <summary>As <c>80/tcp</c>.</summary>
    public override string ToString() => $"{Number.ToString(CultureInfo.InvariantCulture)}/{IPProtocol.NameOf(Protocol)}";

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static bool TryParse(string text, out NamedPort port)
    {
        port = default;
        int slash = text.IndexOf('/');
        if (
            slash <= 0
            || !ushort.TryParse(text.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out ushort number)
            || number == 0
            || !IPProtocol.TryParseTransport(text.AsSpan(slash + 1), out byte protocol)
        )
        {
            return false;
        }

        port = new NamedPort(protocol, number);
        return true;
    }
}

/// <summary>
/// The names of this host's containers, a file each (<see cref="RecordDirectory"/>), by which the agent, which follows the directory,
/// learns of them:
/// <code>
/// container: 4f2c..
/// interface: eth0
/// name: web
/// address: 10.244.7.5
/// port: 80/tcp
/// end
/// </code>
/// ADD writes it when the container can be reached, DEL removes it before it takes the interface away.
/// </summary>
/// <param name="directory">Where they are.</param>
public sealed class NameRecords(string directory)
{
    private const string Container = "container: ",
        Interface = "interface: ",
        Name = "name: ",
        Address = "address: ",
        Port = "port: ";

    private readonly RecordDirectory _files = new(directory);

    /// <summary>Writes the record of a container; one that is there is replaced.</summary>
    /// <exception cref="LibcException">It cannot be written.</exception>
    public void Write(NameRecord record)
    {
        StringBuilder text = new();
        text.Append(Container).Append(record.ContainerId).Append('\n');
        text.Append(Interface).Append(record.IfName).Append('\n');
        foreach (string name in record.Names)
        {
            text.Append(Name).Append(name).Append('\n');
        }

        foreach (IPAddress address in record.Addresses)
        {
            text.Append(Address).Append(address.ToString()).Append('\n');
        }

        foreach (NamedPort port in record.Ports)
        {
            text.Append(Port).Append(port.ToString()).Append('\n');
        }

        _files.Write(record.HostName, text);
    }

    /// <summary>The record of a container; null when there is none that can be read.</summary>
    /// <param name="hostName">The name of its host end.</param>
    public NameRecord? Read(string hostName) =>
        _files.Read(hostName) is { } lines && Parse(lines) is { } record && record.HostName == hostName ? record : null;

    /// <summary>Removes the record of a container; none is no error.</summary>
    /// <exception cref="LibcException">It cannot be removed.</exception>
    public void Remove(string hostName) => _files.Remove(hostName);

    /// <summary>The host ends' names of all containers that have a record, be it cut short.</summary>
    public List<string> Owners() => _files.Owners();

    private static NameRecord? Parse(string[] lines)
    {
        string? container = null,
            ifName = null;
        List<string> names = [];
        List<IPAddress> addresses = [];
        List<NamedPort> ports = [];
        foreach (string line in lines)
        {
            container ??= RecordDirectory.After(line, Container);
            ifName ??= RecordDirectory.After(line, Interface);
            if (RecordDirectory.After(line, Name) is { } name && CniNames.HostLabelFault(name) is null)
            {
                names.Add(name);
            }
            else if (RecordDirectory.After(line, Address) is { } text && IPPrefix.TryParseAddress(text, out IPAddress address))
            {
                addresses.Add(address);
            }
            else if (RecordDirectory.After(line, Port) is { } number && NamedPort.TryParse(number, out NamedPort port))
            {
                ports.Add(port);
            }
        }

        return container is not null && ifName is not null && names.Count > 0 && addresses.Count > 0
            ? new NameRecord(container, ifName, names, addresses, ports)
            : null;
    }
}
