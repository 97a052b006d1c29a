using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Twill.Cluster;
using Twill.Cni;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Agent.Up;

/// <summary>The network's configuration list that <c>twill up</c> writes: what the samples in conf/ have, with what the options and etcd
/// say.</summary>
/// <param name="Path">Where it goes: a number before it lets runtimes that take the first file take this one.</param>
/// <param name="Content">What stands in it.</param>
/// <param name="Conf">What that means.</param>
internal sealed record NetworkFile(string Path, string Content, TwillConf Conf)
{
    // Where Debian's etcd is, for checks that need no etcd.
    private static readonly string[] s_nowhere = ["http://127.0.0.1:2379"];

    private static readonly string[] s_capabilities = ["portMappings", "bandwidth", "ips", "ipRanges", "mac", "dns"];

    /// <summary>Where the network of a command line goes.</summary>
    internal static string PathOf(UpOptions options) => global::System.IO.Path.Combine(options.ConfDir, $"10-{options.Network}.conflist");

    /// <summary>Makes it. What no option says comes from etcd, from what an earlier run wrote, and else from the samples.</summary>
    /// <param name="options">the command line</param>
    /// <param name="stored">the network as etcd has it; null: it has none yet</param>
    /// <param name="written">the network as an earlier run wrote it; null: none did</param>
    /// <exception cref="UsageException">together they make no network</exception>
    internal static NetworkFile Of(UpOptions options, NetworkConfig? stored, TwillConf? written = null)
    {
        string path = PathOf(options);
        if (written is { Ipam.Etcd: null } && options.Single)
        {
            options = options with
            {
                Cidr = options.Cidr ?? RangeOf(written, AddressFamily.InterNetwork),
                IPv6Cidr = options.IPv6Cidr ?? RangeOf(written, AddressFamily.InterNetworkV6),
            };
        }
        else if (written is { Ipam.Etcd: not null } && !options.Single)
        {
            stored ??= LeaseMapper.Network(written);
        }

        byte[] content = CniJson.Write(w => Write(w, options, stored), indented: true);
        NetworkConfigList list = NetworkConfigList.Parse(path, content, BackendTable.All);
        return list.Problems.Count == 0
            ? new NetworkFile(path, Encoding.UTF8.GetString(content), list.Networks[0].Conf)
            : throw new UsageException(
                $"the options{(stored is null ? "" : ", with what etcd says,")} make no network: "
                    + list.Problems[0].Replace($"{path}: ", "", StringComparison.Ordinal)
            );
    }

    private static IPNetwork? RangeOf(TwillConf conf, AddressFamily family)
    {
        foreach (IPNetwork range in conf.Ipam.Ranges)
        {
            if (range.BaseAddress.AddressFamily == family)
            {
                return range;
            }
        }

        return null;
    }

    private static void Write(Utf8JsonWriter w, UpOptions options, NetworkConfig? stored)
    {
        w.WriteStartObject();
        w.WriteString("cniVersion", "1.0.0");
        w.WriteString("name", options.Network);
        w.WriteStartArray("plugins");
        w.WriteStartObject();
        w.WriteString("type", TwillConf.MainPlugin);
        w.WriteString("bridge", options.Bridge);
        w.WriteBoolean("ipMasq", true);
        w.WriteStartObject("backend");
        WriteBackend(w, options, stored?.Backend);
        w.WriteEndObject();
        w.WriteStartObject("capabilities");
        foreach (string capability in s_capabilities)
        {
            w.WriteBoolean(capability, true);
        }

        w.WriteEndObject();
        w.WriteStartObject("ipam");
        WriteIpam(w, options, stored);
        w.WriteEndObject();
        w.WriteEndObject();
        w.WriteEndArray();
        w.WriteEndObject();
    }

    /// <summary>What is as everywhere is left out, so that the first host of a network and the later ones write the same.</summary>
    private static void WriteBackend(Utf8JsonWriter w, UpOptions options, BackendSettings? stored)
    {
        string type = options.Single ? "none" : options.Backend ?? stored?.Type ?? "vxlan";
        w.WriteString("type", type);
        BackendSettings? usual = BackendTable.All.Find(type) is { } backend ? BackendSettings.Of(backend) : null;
        stored = stored?.Type == type ? stored : null;
        WriteUnless(w, "vni", options.Vni ?? stored?.Vni, usual?.Vni);
        WriteUnless(w, "port", options.Port ?? stored?.Port, usual?.Port);
        if (stored is { Type: "vxlan", DirectRouting: true })
        {
            w.WriteBoolean("directRouting", true);
        }

        if (options.Interface is not null)
        {
            w.WriteString(BackendTypes.InterfaceKey, options.Interface);
        }
    }

    private static void WriteUnless(Utf8JsonWriter w, string key, int? value, int? usual)
    {
        if (value is { } number && number != (usual ?? 0))
        {
            w.WriteNumber(key, number);
        }
    }

    private static void WriteIpam(Utf8JsonWriter w, UpOptions options, NetworkConfig? stored)
    {
        IPNetwork addresses = options.Cidr ?? stored?.IPv4.Network ?? IPNetwork.Parse(options.Single ? "10.244.0.0/24" : "10.244.0.0/16");
        IPNetwork? ipv6 = options.IPv6Cidr ?? stored?.IPv6?.Network;
        w.WriteString("type", TwillConf.IpamPlugin);
        w.WriteString(options.Single ? "subnet" : "network", addresses.ToString());
        WriteUnless(w, "subnetLen", stored?.IPv4 is { } known && known.Network.Equals(addresses) ? known.SubnetLen : null, usual: 24);
        if (ipv6 is not null)
        {
            w.WriteString(options.Single ? "ipv6Subnet" : "ipv6Network", ipv6.ToString());
            WriteUnless(w, "ipv6SubnetLen", stored?.IPv6 is { } known6 && known6.Network.Equals(ipv6) ? known6.SubnetLen : null, usual: 64);
        }

        if (!options.Single)
        {
            WriteEtcd(w, options);
        }

        w.WriteStartArray("routes");
        foreach (string destination in ipv6 is null ? (string[])["0.0.0.0/0"] : ["0.0.0.0/0", "::/0"])
        {
            w.WriteStartObject();
            w.WriteString("dst", destination);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private static void WriteEtcd(Utf8JsonWriter w, UpOptions options)
    {
        w.WriteStartObject("etcd");
        w.WriteStartArray("endpoints");
        foreach (string url in options.Etcd.Count > 0 ? options.Etcd : s_nowhere)
        {
            w.WriteStringValue(url);
        }

        w.WriteEndArray();
        (string Key, string? Value)[] credentials =
        [
            ("caFile", options.CaFile),
            ("certFile", options.CertFile),
            ("keyFile", options.KeyFile),
            ("username", options.User),
            ("passwordFile", options.PasswordFile),
        ];
        foreach ((string key, string? value) in credentials)
        {
            if (value is not null)
            {
                w.WriteString(key, value);
            }
        }

        w.WriteEndObject();
    }
}
