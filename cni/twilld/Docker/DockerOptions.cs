using System.Text;
using System.Text.Json;
using Twill.Cni;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Agent.Docker;

/// <summary>What is inside the options of Docker's requests, and its ids.</summary>
internal static class DockerOptions
{
    /// <summary>The option that names the network.</summary>
    internal const string Network = "network";

    private const string PortMap = "com.docker.network.portmap";
    private const int LongestId = 128;

    /// <summary>An id of Docker's.</summary>
    internal static string ReadId(ConfigReader at)
    {
        string id = at.RequiredString("an id of Docker's");
        return id.Length <= LongestId && id.All(char.IsAsciiLetterOrDigit) ? id : at.Complain("an id of Docker's, letters and digits", "");
    }

    /// <summary>A hardware address that an interface can have.</summary>
    internal static string ReadMac(ConfigReader at)
    {
        string text = at.RequiredString("a hardware address like 02:42:0a:f4:07:02");
        return MacAddress.TryParse(text, out MacAddress mac) && !mac.IsMulticast && mac != MacAddress.Zero
            ? mac.ToString()
            : at.Complain("a hardware address like 02:42:0a:f4:07:02, neither of a group nor zero", "");
    }

    /// <summary>Options that nobody would carry out are refused.</summary>
    /// <param name="options">the map; may be missing</param>
    /// <param name="flag">how one gives them to Docker</param>
    /// <param name="known">the one that is known</param>
    internal static void RefuseUnknown(ConfigReader options, string flag, string known)
    {
        if (options.Object() is null)
        {
            return;
        }

        foreach (JsonProperty option in options.Value.EnumerateObject())
        {
            if (option.Name != known)
            {
                throw DockerCatalog.Refused(
                    $"unknown option '{ForeignText.Shown(option.Name)}'",
                    $"{flag}: expected {known}=NAME only: all else is in the network's configuration"
                );
            }
        }
    }

    /// <summary>The ports that an endpoint is to publish, as runtimes write the capability <c>portMappings</c>; empty: none.</summary>
    /// <param name="options">the options of a request</param>
    /// <exception cref="CniException">a port cannot be published so</exception>
    internal static string ReadPorts(ConfigReader options)
    {
        IReadOnlyList<ConfigReader> bindings = options[PortMap].Items();
        if (bindings.Count == 0)
        {
            return "";
        }

        string ports = Encoding.UTF8.GetString(CniJson.Write(w => WritePorts(w, bindings))).Trim();
        using JsonDocument document = JsonDocument.Parse(ports);
        const string Fault = "cannot publish a port";
        PortMapping.ParseList(new ConfigReader(document.RootElement, options[PortMap].Path, CniErrorCode.DecodeFailure, Fault));
        return ports;
    }

    private static void WritePorts(Utf8JsonWriter w, IReadOnlyList<ConfigReader> bindings)
    {
        w.WriteStartArray();
        foreach (ConfigReader binding in bindings)
        {
            int port = binding["Port"].Int(0, 1, 65535),
                hostPort = binding["HostPort"].Int(0, 0, 65535),
                last = binding["HostPortEnd"].Int(0, 0, 65535);
            if (hostPort == 0 || (last != 0 && last != hostPort))
            {
                throw DockerCatalog.Refused(
                    $"port {port} of the container needs one port of the host",
                    $"--publish: expected one like -p 8080:{port}, got {(hostPort == 0 ? "none" : $"{hostPort}-{last}")}: Docker does not "
                        + "ask a plugin which one it has chosen"
                );
            }

            w.WriteStartObject();
            w.WriteNumber("hostPort", hostPort);
            w.WriteNumber("containerPort", port);
            w.WriteString("protocol", ProtocolOf(binding["Proto"]));
            w.WriteString("hostIP", binding["HostIP"].OptionalString() ?? "");
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private static string ProtocolOf(ConfigReader at) =>
        at.Int(IPProtocol.Tcp, 0, 255) switch
        {
            IPProtocol.Tcp => "tcp",
            IPProtocol.Udp => "udp",
            IPProtocol.Sctp => "sctp",
            _ => at.Complain("6 (tcp), 17 (udp) or 132 (sctp)", "tcp"),
        };
}
