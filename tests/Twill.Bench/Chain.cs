namespace Twill.Bench;

/// <summary>A plugin, and the configuration a runtime sends it for a container.</summary>
/// <param name="Plugin">Path of the program.</param>
/// <param name="Config">The document, from the container's number and the result of the step before.</param>
internal sealed record Step(string Plugin, Func<int, string, string> Config);

/// <summary>Plugins that are called one after the other, as a runtime would: one of the things that are compared.</summary>
internal sealed record Chain(string Name, params Step[] Steps)
{
    private const string Ipam = """{"type":"TYPE","subnet":"10.90.0.0/22","routes":[{"dst":"0.0.0.0/0"}]}""";

    private const int FirstPort = 20_000;

    /// <summary>What an administrator has to do on the host before: commands.</summary>
    public string[] Prepare { get; init; } = [];

    /// <summary>twill over twill-ipam with a fixed subnet: what is measured is the hot path, on which etcd is never asked anyway.</summary>
    public static Chain Twill(string bin) => new("twill + twill-ipam", new Step(Path.Combine(bin, "twill"), (_, _) => TwillConf("")));

    /// <summary>Another build of the same programs.</summary>
    public static Chain TwillBeside(string bin) => Twill(bin) with { Name = $"twill of {Path.GetFileName(bin)}" };

    /// <summary>The same with keys of its own in the plugin's configuration.</summary>
    /// <param name="bin">Directory of the programs.</param>
    /// <param name="name">What tells it from <see cref="Twill"/>.</param>
    /// <param name="keys">Keys and values, as JSON has them within an object.</param>
    public static Chain TwillWith(string bin, string name, string keys) =>
        new($"twill, {name}", new Step(Path.Combine(bin, "twill"), (_, _) => TwillConf($",{keys}")));

    public static Chain TwillPorts(string bin) =>
        new(
            "twill + twill-ipam, a port",
            new Step(Path.Combine(bin, "twill"), (container, _) => TwillConf($""","runtimeConfig":{PortMapping(container)}"""))
        );

    public static Chain Bridge(string bin, bool masquerade) =>
        new(masquerade ? "bridge + host-local, ipMasq" : "bridge + host-local", BridgeStep(bin, masquerade));

    public static Chain BridgePorts(string bin) =>
        new(
            "bridge + host-local, portmap",
            BridgeStep(bin, masquerade: false),
            new Step(Path.Combine(bin, "portmap"), (container, result) =>
                $$"""{"cniVersion":"1.0.0","name":"bench","type":"portmap","capabilities":{"portMappings":true},"runtimeConfig":{{PortMapping(container)}},"prevResult":{{result}}}"""
            )
        );

    /// <summary>The least it can cost: floor.c.</summary>
    public static Chain Floor(string program) =>
        new("kernel floor (C)", new Step(program, (_, _) => "{}"))
        {
            Prepare = ["ip link add cni0 type bridge", "ip address add 10.90.0.1/20 dev cni0", "ip link set cni0 up"],
        };

    private static string TwillConf(string more) =>
        $$"""
            {"cniVersion":"1.0.0","name":"bench","type":"twill","bridge":"twill0","ipMasq":true,"ipam":{{Ipam.Replace(
                "TYPE",
                "twill-ipam",
                StringComparison.Ordinal
            )}}{{more}}}
            """;

    private static Step BridgeStep(string bin, bool masquerade) =>
        new(Path.Combine(bin, "bridge"), (_, _) =>
            $$"""
                {"cniVersion":"1.0.0","name":"bench","type":"bridge","bridge":"cni0","isGateway":true,"hairpinMode":true,"ipMasq":{{(
                    masquerade ? "true" : "false"
                )}},
                 "ipam":{{Ipam.Replace("TYPE", "host-local", StringComparison.Ordinal)}}}
                """
        );

    private static string PortMapping(int container) =>
        $$"""{"portMappings":[{"hostPort":{{FirstPort + container}},"containerPort":80,"protocol":"tcp"}]}""";
}
