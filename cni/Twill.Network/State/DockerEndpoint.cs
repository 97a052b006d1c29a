using System.Net;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// <c>docker/ID.json</c>: what the agent knows of one endpoint of Docker's in a network, and would know no more after a restart. Its
/// attachment has the container id ID, which follows from the hardware address: no request of Docker's before it asks for an address says
/// more. It is written before the address is asked for, and removed when that is free again. The agent alone writes it. A GC, whose list
/// comes from another runtime, spares the attachment.
/// </summary>
public sealed record DockerEndpoint
{
    /// <summary>The interface's name as the plugins are told it. Docker gives it another one where the container has several.</summary>
    public const string IfName = "eth0";

    private const string Prefix = "docker-",
        Extension = ".json";

    /// <summary>The network's name.</summary>
    public required string Network { get; init; }

    /// <summary>The hardware address of the container's end, lower-case hex with colons.</summary>
    public required string Mac { get; init; }

    /// <summary>The boot it was written in.</summary>
    public required string BootId { get; init; }

    /// <summary>When a request of Docker's was last carried out for it, in seconds on <see cref="BootClock"/>.</summary>
    public required double Since { get; init; }

    /// <summary>The plugin's configuration as it was when the address was asked for, with the network's name and version.</summary>
    public required string Config { get; init; }

    /// <summary>Its addresses with the length of their subnets, IPv4 first; empty until twill-ipam has given them.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>How many of the addresses Docker has been told.</summary>
    public int Told { get; init; }

    /// <summary>Docker's id of the endpoint; empty before it has one.</summary>
    public string EndpointId { get; init; } = "";

    /// <summary>The ports to publish, as runtimes write the capability <c>portMappings</c>; empty: none.</summary>
    public string Ports { get; init; } = "";

    /// <summary>The path of the container's network namespace; empty while it is not joined.</summary>
    public string Sandbox { get; init; } = "";

    /// <summary>Whether the interface was seen in that namespace, and the address records name it.</summary>
    public bool IsSettled { get; init; }

    /// <summary>The attachment's container id.</summary>
    public string ContainerId => ContainerIdOf(Mac);

    /// <summary>The name of its host end.</summary>
    public string HostName => DeviceNames.Veth(ContainerId, IfName);

    /// <summary>The container id of an endpoint with that hardware address.</summary>
    public static string ContainerIdOf(string mac) => Prefix + mac.Replace(":", "", StringComparison.Ordinal);

    /// <summary>Whether it has an address.</summary>
    public bool Has(IPAddress address)
    {
        foreach (string own in Addresses)
        {
            if (IPPrefix.TryParse(own, out IPAddress one, out _) && one.Equals(address))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The attachments of all endpoints of a network, by the names of their files.</summary>
    /// <param name="state">the network's directory; may be missing</param>
    public static List<CniAttachment> Attachments(NetworkStateDir state)
    {
        List<CniAttachment> all = [];
        if (Directory.Exists(state.DockerPath))
        {
            foreach (string file in Directory.GetFiles(state.DockerPath, Prefix + "*" + Extension))
            {
                all.Add(new CniAttachment(Path.GetFileNameWithoutExtension(file), IfName));
            }
        }

        return all;
    }

    /// <summary>All endpoints of a network; a record that cannot be read is passed over.</summary>
    /// <param name="state">the network's directory; may be missing</param>
    public static List<DockerEndpoint> List(NetworkStateDir state)
    {
        List<DockerEndpoint> all = [];
        foreach (CniAttachment attachment in Attachments(state))
        {
            if (TryRead(state, attachment.ContainerId) is { } endpoint)
            {
                all.Add(endpoint);
            }
        }

        return all;
    }

    /// <summary>Reads the record of an attachment; null when there is none, or none that can be trusted.</summary>
    public static DockerEndpoint? TryRead(NetworkStateDir state, string containerId) =>
        StateFile.TryRead(
            PathOf(state, containerId),
            at => new DockerEndpoint
            {
                Network = at["network"].Network(state),
                Mac = at["mac"].RequiredString("a hardware address"),
                BootId = at["bootId"].RequiredString("a boot id"),
                Since = at["since"].Seconds(),
                Config = at["config"].Exists ? at["config"].Value.GetRawText() : at["config"].Complain("a configuration", "{}"),
                Addresses = at["addresses"].StringList(),
                Told = at["told"].Int(0, 0, 2),
                EndpointId = at["endpointId"].OptionalString() ?? "",
                Ports = at["ports"].OptionalString() ?? "",
                Sandbox = at["sandbox"].OptionalString() ?? "",
                IsSettled = at["settled"].Bool(false),
            },
            out _
        );

    /// <summary>Replaces the record.</summary>
    /// <exception cref="IOException">it cannot be written</exception>
    public void Write(NetworkStateDir state)
    {
        StateDir.MakePrivate(state.DockerPath);
        StateFile.Write(PathOf(state, ContainerId), w =>
            {
                w.WriteString("network", Network);
                w.WriteString("mac", Mac);
                w.WriteString("bootId", BootId);
                w.WriteNumber("since", Since);
                w.WriteList("addresses", Addresses);
                w.WriteNumber("told", Told);
                w.WriteString("endpointId", EndpointId);
                w.WriteString("ports", Ports);
                w.WriteString("sandbox", Sandbox);
                w.WriteBoolean("settled", IsSettled);
                w.WritePropertyName("config");
                w.WriteRawValue(Config); // as JSON: what is called a password is left out of archives
            });
    }

    /// <summary>Removes the record; none is no error.</summary>
    /// <exception cref="IOException">it cannot be removed</exception>
    public void Delete(NetworkStateDir state) => AtomicFile.Delete(PathOf(state, ContainerId));

    private static string PathOf(NetworkStateDir state, string containerId) => Path.Combine(state.DockerPath, containerId + Extension);
}
