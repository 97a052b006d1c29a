using System.Net.Sockets;
using System.Text.Json;
using Twill.Cni;
using Twill.Network.Configuration;

namespace Twill.Agent.Conversions;

/// <summary>A network of podman's netavark: a file of <c>/etc/containers/networks</c>, or what <c>podman network inspect</c>
/// prints.</summary>
internal static class NetavarkNetwork
{
    private const string Macvlan = "macvlan",
        Ipvlan = "ipvlan";

    private static readonly string[] s_known =
    [
        "name",
        "id",
        "driver",
        "network_interface",
        "created",
        "subnets",
        "routes",
        "ipv6_enabled",
        "internal",
        "dns_enabled",
        "network_dns_servers",
        "labels",
        "options",
        "ipam_options",
        "containers",
    ];

    /// <summary>Writes it as a list of twill's.</summary>
    /// <exception cref="CniException">it has what twill has not</exception>
    internal static void Write(Utf8JsonWriter w, ConfigReader root, Conversion conversion)
    {
        root.Section(s_known);
        string driver = root["driver"].RequiredString("bridge, macvlan or ipvlan");
        if (driver is not ("bridge" or Macvlan or Ipvlan))
        {
            Conversion.Refuse(root["driver"], "bridge, macvlan and ipvlan can be converted");
        }

        RefuseOptions(root, driver);
        w.WriteStartObject();
        w.WriteString("cniVersion", "1.0.0");
        w.WriteString("name", root["name"].RequiredString("the network's name"));
        w.WriteStartArray("plugins");
        w.WriteStartObject();
        WriteMain(w, root, driver, conversion);
        WriteAddresses(w, root);
        w.WriteEndObject();
        w.WriteEndArray();
        w.WriteEndObject();
        conversion.Note("podman uses networks of CNI up to version 4, with network_backend = \"cni\": conf/INSTALL.md");
        conversion.Note("stop the network's containers before the new file is in place: twill-ipam does not know netavark's addresses");
        if (root["dns_enabled"].Bool(false))
        {
            conversion.Note($"{root["dns_enabled"].Path}: containers do not find each other by name");
        }
    }

    private static void RefuseOptions(ConfigReader root, string driver)
    {
        if (root["internal"].Bool(false))
        {
            Conversion.Refuse(root["internal"], "twill has no networks without a way out; set it to false");
        }

        if (root["ipam_options"]["driver"].OptionalString() is not (null or "host-local"))
        {
            Conversion.Refuse(root["ipam_options"]["driver"], "only host-local has a counterpart");
        }

        if (root["options"].Object() is { } all)
        {
            foreach (JsonProperty option in all.Value.EnumerateObject())
            {
                if (!IsKnown(option.Name, driver))
                {
                    Conversion.Refuse(all[option.Name], "twill has no such option; leave it out");
                }
            }
        }
    }

    private static bool IsKnown(string option, string driver) =>
        option is "mtu" or "isolate" or "no_default_route" or "metric" || (option == "mode" && driver != "bridge");

    private static void WriteMain(Utf8JsonWriter w, ConfigReader root, string driver, Conversion conversion)
    {
        ConfigReader parent = root["network_interface"],
            options = root["options"];
        if (driver == "bridge")
        {
            w.WriteString("type", TwillConf.MainPlugin);
            w.WriteString("bridge", parent.OptionalString() ?? "podman1");
            w.WriteBoolean("isGateway", true);
            w.WriteBoolean("ipMasq", true);
            if (options["isolate"].OptionalString() is null or "false")
            {
                conversion.Note("other networks of twill cannot begin connections with these containers; \"isolated\": false lets them");
            }

            w.WriteStartObject("capabilities");
            foreach (string capability in (string[])["portMappings", "ips", "mac"]) // what podman passes on
            {
                w.WriteBoolean(capability, true);
            }

            w.WriteEndObject();
        }
        else
        {
            w.WriteString("type", driver);
            w.WriteString("master", parent.RequiredString("the interface that containers hang on"));
            if (options["mode"].OptionalString() is { } mode)
            {
                w.WriteString("mode", mode);
            }

            conversion.Note($"the plugin {driver} makes the interfaces, and twill-ipam gives the addresses");
        }

        if (Number(options["mtu"], 65535) is { } mtu)
        {
            w.WriteNumber("mtu", mtu);
        }

        IReadOnlyList<string> servers = root["network_dns_servers"].StringList();
        if (servers.Count > 0)
        {
            w.WriteStartObject("dns");
            w.WriteStartArray("nameservers");
            foreach (string server in servers)
            {
                w.WriteStringValue(server);
            }

            w.WriteEndArray();
            w.WriteEndObject();
        }
    }

    private static void WriteAddresses(Utf8JsonWriter w, ConfigReader root)
    {
        IReadOnlyList<ConfigReader> subnets = root["subnets"].Items();
        if (subnets.Count == 0)
        {
            root["subnets"].ComplainText("there are none, and a network without addresses has no counterpart");
        }

        w.WriteStartObject("ipam");
        w.WriteString("type", TwillConf.IpamPlugin);
        w.WriteStartArray("ranges");
        HashSet<AddressFamily> families = [];
        foreach (ConfigReader at in subnets)
        {
            at.Section("subnet", "gateway", "lease_range");
            at["lease_range"].Section("start_ip", "end_ip");
            if (at["subnet"].OptionalNetwork() is not { } subnet)
            {
                at["subnet"].ComplainText("expected a prefix like 10.89.0.0/24, got nothing");
                continue;
            }

            if (!families.Add(subnet.BaseAddress.AddressFamily))
            {
                Conversion.Refuse(at["subnet"], "a container gets one address of a family here; leave this subnet out");
            }

            w.WriteStartArray();
            w.WriteStartObject();
            w.WriteString("subnet", subnet.ToString());
            WriteText("gateway", at["gateway"]);
            WriteText("rangeStart", at["lease_range"]["start_ip"]);
            WriteText("rangeEnd", at["lease_range"]["end_ip"]);
            w.WriteEndObject();
            w.WriteEndArray();
        }

        w.WriteEndArray();
        WriteRoutes(w, root, subnets);
        w.WriteEndObject();

        void WriteText(string key, ConfigReader from)
        {
            if (from.OptionalAddress() is { } address)
            {
                w.WriteString(key, address.ToString());
            }
        }
    }

    private static void WriteRoutes(Utf8JsonWriter w, ConfigReader root, IReadOnlyList<ConfigReader> subnets)
    {
        ConfigReader options = root["options"];
        int? metric = Number(options["metric"], int.MaxValue);
        w.WriteStartArray("routes");
        if (options["no_default_route"].OptionalString() is not ("true" or "1"))
        {
            foreach (string family in subnets.Select(at => at["subnet"].OptionalString()!.Contains(':') ? "::/0" : "0.0.0.0/0").Distinct())
            {
                WriteRoute(family, null, metric);
            }
        }

        foreach (ConfigReader route in root["routes"].Items())
        {
            route.Section("destination", "gateway", "metric");
            WriteRoute(
                route["destination"].RequiredString("a prefix like 10.0.0.0/8"),
                route["gateway"].OptionalString(),
                route["metric"].Exists ? route["metric"].Int(0, 0, int.MaxValue) : null
            );
        }

        w.WriteEndArray();

        void WriteRoute(string to, string? by, int? priority)
        {
            w.WriteStartObject();
            w.WriteString("dst", to);
            if (by is not null)
            {
                w.WriteString("gw", by);
            }

            if (priority is { } number)
            {
                w.WriteNumber("priority", number);
            }

            w.WriteEndObject();
        }
    }

    /// <summary>Podman's options are texts.</summary>
    private static int? Number(ConfigReader at, int most) =>
        at.OptionalString() is not { } text ? null
        : int.TryParse(text, out int number) && number >= 0 && number <= most ? number
        : at.Complain<int?>($"a whole number from 0 to {most}", null);
}
