using System.Text;
using System.Text.Json;
using Twill.Cni;
using Twill.Network.Configuration;

namespace Twill.Agent.Docker;

/// <summary>The configuration that the plugins get for a container of Docker's: what a runtime would make of the network's file.</summary>
internal static class PluginConfig
{
    private static readonly string[] s_ofCalls = ["name", "cniVersion", "capabilities", "runtimeConfig", "args", "prevResult"];

    /// <summary>The plugin's part of the file, with the network's name and the version that is spoken.</summary>
    internal static string Of(FoundNetwork network) =>
        Text(w =>
        {
            w.WriteString("name", network.Conf.Name);
            w.WriteString("cniVersion", CniVersion.Latest.ToString());
            WriteMembers(w, network.Plugin, s_ofCalls);
        });

    /// <summary>The same for one call.</summary>
    /// <param name="config">what <see cref="Of"/> gave</param>
    /// <param name="mac">the hardware address to ask for; null: none</param>
    /// <param name="addresses">the addresses to ask for</param>
    /// <param name="reservation">what becomes of addresses that were asked for before; null: there are none</param>
    /// <param name="ports">the capability <c>portMappings</c>; empty: none</param>
    internal static byte[] ForCall(
        string config,
        string? mac = null,
        IReadOnlyList<string>? addresses = null,
        string? reservation = null,
        string ports = ""
    ) => Bytes(config, w =>
        {
            w.WriteStartObject("args");
            w.WriteStartObject("cni");
            WriteIf(w, "mac", mac);
            WriteIf(w, "reservation", reservation);
            if (addresses is { Count: > 0 })
            {
                w.WriteStartArray("ips");
                foreach (string address in addresses)
                {
                    w.WriteStringValue(address);
                }

                w.WriteEndArray();
            }

            w.WriteEndObject();
            w.WriteEndObject();
            if (ports.Length > 0)
            {
                w.WriteStartObject("runtimeConfig");
                w.WritePropertyName("portMappings");
                w.WriteRawValue(ports);
                w.WriteEndObject();
            }
        });

    /// <summary>The same for a DEL that leaves the addresses to the container.</summary>
    internal static byte[] WithoutIpam(string config) => Bytes(config, w => { }, "ipam");

    private static byte[] Bytes(string config, Action<Utf8JsonWriter> more, params string[] without)
    {
        using JsonDocument document = JsonDocument.Parse(config);
        return Encoding.UTF8.GetBytes(
            Text(w =>
            {
                WriteMembers(w, document.RootElement, without);
                more(w);
            })
        );
    }

    private static string Text(Action<Utf8JsonWriter> members) =>
        Encoding.UTF8.GetString(
            CniJson.Write(w =>
            {
                w.WriteStartObject();
                members(w);
                w.WriteEndObject();
            })
        ).Trim();

    private static void WriteMembers(Utf8JsonWriter w, JsonElement from, string[] without)
    {
        foreach (JsonProperty member in from.EnumerateObject())
        {
            if (Array.IndexOf(without, member.Name) < 0)
            {
                member.WriteTo(w);
            }
        }
    }

    private static void WriteIf(Utf8JsonWriter w, string key, string? value)
    {
        if (value is not null)
        {
            w.WriteString(key, value);
        }
    }
}
