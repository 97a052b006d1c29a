using System.Net;
using System.Text;
using Twill.Linux;
using Twill.Network.State;
using Twill.System;

namespace Twill.Host.AntiSpoof;

/// <summary>
/// What containers may send as, once more as files: who flushes the kernel's rules takes the sets with them, and the containers cannot be
/// asked. One file for a container, named like its host end:
/// <code>
/// container: 4f2c..
/// interface: eth0
/// host end: bridge
/// mac: 02:74:0a:f4:07:05
/// address: 10.244.7.5/32
/// end
/// </code>
/// ADD writes it before the kernel's sets, DEL removes it after them. One that is cut short is none. They live as long as the kernel's
/// state, until reboot. Containers that were made without the protection have none.
/// </summary>
/// <param name="directory">Where they are; made when the first one is written.</param>
public sealed class AttachmentRecords(string directory)
{
    private const string Container = "container: ",
        Interface = "interface: ",
        HostEnd = "host end: ",
        Mac = "mac: ",
        Address = "address: ";

    private readonly RecordDirectory _files = new(directory);

    /// <summary>Writes the record of a container; one that is there is replaced.</summary>
    /// <exception cref="LibcException">It cannot be written.</exception>
    public void Write(ContainerSource source)
    {
        StringBuilder text = new();
        text.Append(Container).Append(source.ContainerId).Append('\n');
        text.Append(Interface).Append(source.IfName).Append('\n');
        text.Append(HostEnd).Append(KindOf(source.IsRouted)).Append('\n');
        text.Append(Mac).Append(source.Mac.ToString()).Append('\n');
        foreach (IPNetwork address in source.Addresses)
        {
            text.Append(Address).Append(address.ToString()).Append('\n');
        }

        _files.Write(source.HostName, text);
    }

    /// <summary>The record of a container; null when there is none that can be read.</summary>
    /// <param name="hostName">The name of its host end.</param>
    public ContainerSource? Read(string hostName) =>
        _files.Read(hostName) is { } lines && Parse(lines) is { } source && source.HostName == hostName ? source : null;

    /// <summary>Removes the record of a container; none is no error.</summary>
    /// <exception cref="LibcException">It cannot be removed.</exception>
    public void Remove(string hostName) => _files.Remove(hostName);

    /// <summary>Whether a container has a record, whatever is in it.</summary>
    public bool Has(string hostName) => _files.Has(hostName);

    /// <summary>The host ends' names of all containers that have a record, be it cut short.</summary>
    public List<string> Owners() => _files.Owners();

    /// <summary>All records that can be read; the others are passed over.</summary>
    public List<ContainerSource> List()
    {
        List<ContainerSource> all = [];
        foreach (string hostName in Owners())
        {
            if (Read(hostName) is { } source)
            {
                all.Add(source);
            }
        }

        return all;
    }

    /// <summary>The text of a record as <see cref="Write"/> made it; null for any other.</summary>
    private static ContainerSource? Parse(string[] lines)
    {
        string? container = null,
            ifName = null,
            kind = null;
        MacAddress? mac = null;
        List<IPNetwork> addresses = [];
        foreach (string line in lines)
        {
            container ??= RecordDirectory.After(line, Container);
            ifName ??= RecordDirectory.After(line, Interface);
            kind ??= RecordDirectory.After(line, HostEnd);
            if (RecordDirectory.After(line, Mac) is { } text)
            {
                mac = MacAddress.TryParse(text, out MacAddress parsed) ? parsed : null;
            }
            else if (RecordDirectory.After(line, Address) is { } prefix)
            {
                if (!IPNetwork.TryParse(prefix, out IPNetwork address))
                {
                    return null;
                }

                addresses.Add(address);
            }
        }

        return container is not null && ifName is not null && kind is not null && mac is { } own
            ? new ContainerSource(container, ifName, kind == KindOf(isRouted: true), own, addresses)
            : null;
    }

    private static string KindOf(bool isRouted) => isRouted ? "routed" : "bridge";
}
