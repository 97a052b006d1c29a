using System.Net.Sockets;

namespace Twill.Agent.Up;

/// <summary>The network's configuration list that <c>twilld up</c> writes: what the samples in conf/ have, and what the options say.</summary>
internal static class NetworkFile
{
    private static readonly string[] s_capabilities = ["portMappings", "bandwidth", "ips", "ipRanges", "mac", "dns"];

    /// <summary>Where it goes: a number before it lets runtimes that take the first file take this one.</summary>
    internal static string PathOf(UpOptions options) => Path.Combine(options.ConfDir, $"10-{options.Network}.conflist");

    /// <summary>The network's bridge.</summary>
    internal static string BridgeOf(UpOptions options) => options.Network == "twill" ? "twill0" : $"tw-{options.Network}";

    internal static string Content(UpOptions options) =>
        JsonText.Of(w =>
            {
                w.WriteStartObject();
                w.WriteString("cniVersion", "1.0.0");
                w.WriteString("name", options.Network);
                w.WriteStartArray("plugins");
                w.WriteStartObject();
                w.WriteString("type", "twill");
                w.WriteString("bridge", BridgeOf(options));
                w.WriteBoolean("ipMasq", true);
                w.WriteStartObject("backend");
                w.WriteString("type", options.Single ? "none" : options.Backend);
                if (options.Interface is not null)
                {
                    w.WriteString("interface", options.Interface);
                }

                w.WriteEndObject();
                w.WriteStartObject("capabilities");
                foreach (string capability in s_capabilities)
                {
                    w.WriteBoolean(capability, true);
                }

                w.WriteEndObject();
                w.WriteStartObject("ipam");
                w.WriteString("type", "twill-ipam");
                if (options.Single)
                {
                    w.WriteString("subnet", options.Range.ToString());
                }
                else
                {
                    w.WriteString("network", options.Range.ToString());
                    w.WriteStartObject("etcd");
                    w.WriteStartArray("endpoints");
                    foreach (string url in options.Etcd)
                    {
                        w.WriteStringValue(url);
                    }

                    w.WriteEndArray();
                    foreach ((string key, string? value) in Credentials(options))
                    {
                        if (value is not null)
                        {
                            w.WriteString(key, value);
                        }
                    }

                    w.WriteEndObject();
                }

                w.WriteStartArray("routes");
                w.WriteStartObject();
                bool isIPv4 = options.Range.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
                w.WriteString("dst", isIPv4 ? "0.0.0.0/0" : "::/0");
                w.WriteEndObject();
                w.WriteEndArray();
                w.WriteEndObject();
                w.WriteEndObject();
                w.WriteEndArray();
                w.WriteEndObject();
            });

    private static (string Key, string? Value)[] Credentials(UpOptions options) =>
        [
            ("caFile", options.CaFile),
            ("certFile", options.CertFile),
            ("keyFile", options.KeyFile),
            ("username", options.User),
            ("passwordFile", options.PasswordFile),
        ];
}
