using System.Net.Sockets;
using System.Text.Json;
using Twill.Cni;
using Twill.Network.Configuration;

namespace Twill.Agent.Conversions;

/// <summary>The section <c>ipam</c>: host-local becomes twill-ipam, plugins that need no interface stay.</summary>
internal static class AddressSection
{
    private static readonly string[] s_range = ["subnet", "rangeStart", "rangeEnd", "gateway"];

    /// <summary>Writes it.</summary>
    /// <exception cref="CniException">it cannot be converted</exception>
    internal static void Write(Utf8JsonWriter w, ConfigReader ipam, Conversion conversion)
    {
        const string WithoutAddresses = "a network without addresses has no counterpart: stay with the plugin that it is of";
        if (ipam.Object() is null)
        {
            ipam.ComplainText($"there is no ipam: {WithoutAddresses}");
        }

        string type = ipam["type"].OptionalString() ?? "";
        switch (type)
        {
            case "":
                ipam.ComplainText($"there is no ipam.type: {WithoutAddresses}");
                break;
            case "dhcp":
                Conversion.Refuse(ipam["type"], "it asks by the container's interface, which is made at the same time; give addresses "
                    + "that the DHCP server leaves out, by host-local and its rangeStart and rangeEnd");
                break;
            case "host-local":
                WriteFixed(w, ipam, conversion);
                break;
            default:
                ipam.Value.WriteTo(w);
                conversion.Note($"the IPAM plugin {type} stays");
                break;
        }
    }

    private static void WriteFixed(Utf8JsonWriter w, ConfigReader ipam, Conversion conversion)
    {
        w.WriteStartObject();
        w.WriteString("type", TwillConf.IpamPlugin);
        if (ipam["dataDir"].IsSet)
        {
            conversion.Note($"{ipam["dataDir"].Path}: the directory is host-local's; twill-ipam keeps its records in "
                + IpamConf.DefaultDataDir);
        }

        if (ipam["subnet"].OptionalNetwork()?.BaseAddress.AddressFamily != AddressFamily.InterNetworkV6)
        {
            Conversion.Copy(w, ipam, "type", "dataDir");
        }
        else
        {
            // twill-ipam's key subnet is of IPv4: one of IPv6 is a pool of its own, as in host-local
            Conversion.Copy(w, ipam, ["type", "dataDir", "ranges", .. s_range]);
            w.WriteStartArray("ranges");
            w.WriteStartArray();
            w.WriteStartObject();
            foreach (string key in s_range.Where(key => ipam[key].IsSet))
            {
                w.WritePropertyName(key);
                ipam[key].Value.WriteTo(w);
            }

            w.WriteEndObject();
            w.WriteEndArray();
            foreach (ConfigReader pool in ipam["ranges"].Items())
            {
                pool.Value.WriteTo(w);
            }

            w.WriteEndArray();
        }

        w.WriteEndObject();
        conversion.NoteRecords();
    }
}
