using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Twill.Cni;

/// <summary><see cref="CniResult"/> to JSON. Each version is given exactly the members its specification lists.</summary>
internal static class CniResultWriter
{
    internal static byte[] Write(CniResult result, CniVersion version) =>
        CniJson.Write(w =>
        {
            w.WriteStartObject();
            w.WriteString("cniVersion", version.ToString());
            if (version < CniVersion.V0_3_0)
            {
                Legacy(w, result);
            }
            else
            {
                Lists(w, result, version);
            }

            if (!result.Dns.IsEmpty)
            {
                Dns(w, result.Dns);
            }

            w.WriteEndObject();
        });

    /// <summary>0.1.0 and 0.2.0: the first address of each family with the routes of that family. There is no room for more.</summary>
    private static void Legacy(Utf8JsonWriter w, CniResult result)
    {
        Family("ip4", AddressFamily.InterNetwork);
        Family("ip6", AddressFamily.InterNetworkV6);

        void Family(string key, AddressFamily family)
        {
            foreach (CniIp ip in result.Ips)
            {
                if (ip.Address.AddressFamily != family)
                {
                    continue;
                }

                w.WriteStartObject(key);
                w.WriteString("ip", ip.Cidr);
                if (ip.Gateway is not null)
                {
                    w.WriteString("gateway", ip.Gateway.ToString());
                }

                Routes(w, result.Routes, family, detailed: false);
                w.WriteEndObject();
                return;
            }
        }
    }

    private static void Lists(Utf8JsonWriter w, CniResult result, CniVersion version)
    {
        bool saysFamily = version < CniVersion.V1_0_0,
            detailed = version >= CniVersion.V1_1_0;
        if (result.Interfaces.Count > 0)
        {
            w.WriteStartArray("interfaces");
            foreach (CniInterface link in result.Interfaces)
            {
                Interface(w, link, detailed);
            }

            w.WriteEndArray();
        }
        if (result.Ips.Count > 0)
        {
            w.WriteStartArray("ips");
            foreach (CniIp ip in result.Ips)
            {
                w.WriteStartObject();
                if (saysFamily)
                {
                    w.WriteString("version", ip.Address.AddressFamily == AddressFamily.InterNetwork ? "4" : "6");
                }

                if (ip.InterfaceIndex is int index)
                {
                    w.WriteNumber("interface", index);
                }

                w.WriteString("address", ip.Cidr);
                if (ip.Gateway is not null)
                {
                    w.WriteString("gateway", ip.Gateway.ToString());
                }

                w.WriteEndObject();
            }
            w.WriteEndArray();
        }
        Routes(w, result.Routes, AddressFamily.Unspecified, detailed);
    }

    private static void Interface(Utf8JsonWriter w, CniInterface link, bool detailed)
    {
        w.WriteStartObject();
        w.WriteString("name", link.Name);
        Text("mac", link.Mac);
        if (detailed && link.Mtu > 0)
        {
            w.WriteNumber("mtu", link.Mtu);
        }

        Text("sandbox", link.Sandbox);
        if (detailed)
        {
            Text("socketPath", link.SocketPath);
            Text("pciID", link.PciId);
        }
        w.WriteEndObject();

        void Text(string key, string value)
        {
            if (value.Length > 0)
            {
                w.WriteString(key, value);
            }
        }
    }

    /// <param name="w">the document</param>
    /// <param name="routes">the result's routes</param>
    /// <param name="family">only this family; Unspecified: all</param>
    /// <param name="detailed">with the members of 1.1.0</param>
    private static void Routes(Utf8JsonWriter w, IReadOnlyList<CniRoute> routes, AddressFamily family, bool detailed)
    {
        bool any = false;
        foreach (CniRoute route in routes)
        {
            IPNetwork dst = route.Dst;
            if (family != AddressFamily.Unspecified && dst.BaseAddress.AddressFamily != family)
            {
                continue;
            }

            if (!any)
            {
                w.WriteStartArray("routes");
            }

            any = true;
            w.WriteStartObject();
            w.WriteString("dst", dst.ToString());
            if (route.Gw is not null)
            {
                w.WriteString("gw", route.Gw.ToString());
            }

            if (detailed)
            {
                Number("mtu", route.Mtu);
                Number("advmss", route.AdvMss);
                Number("priority", route.Priority);
                if (route.Table is uint table)
                {
                    w.WriteNumber("table", table);
                }

                if (route.Scope is int scope)
                {
                    w.WriteNumber("scope", scope);
                }
            }
            w.WriteEndObject();
        }
        if (any)
        {
            w.WriteEndArray();
        }

        void Number(string key, int value)
        {
            if (value > 0)
            {
                w.WriteNumber(key, value);
            }
        }
    }

    private static void Dns(Utf8JsonWriter w, CniDns dns)
    {
        w.WriteStartObject("dns");
        List("nameservers", dns.Nameservers);
        if (dns.Domain.Length > 0)
        {
            w.WriteString("domain", dns.Domain);
        }

        List("search", dns.Search);
        List("options", dns.Options);
        w.WriteEndObject();

        void List(string key, IReadOnlyList<string> values)
        {
            if (values.Count == 0)
            {
                return;
            }

            w.WriteStartArray(key);
            foreach (string value in values)
            {
                w.WriteStringValue(value);
            }

            w.WriteEndArray();
        }
    }
}
