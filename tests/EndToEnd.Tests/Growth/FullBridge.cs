using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Growth;

/// <summary>One host with a container on its bridge, and somebody else's devices on all of the bridge's other ports: whoever comes now is
/// past them.</summary>
public sealed class FullBridge : IDisposable
{
    /// <summary>How many ports a Linux bridge has (BR_PORT_BITS is 10, and port 0 is none).</summary>
    internal const int Ports = 1023;

    private readonly SingleHost _single = new();

    public FullBridge()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        try
        {
            OnBridge = Host.AddContainer("onbridge");
            Fill(Host, Ports - 1);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal Lab Lab => _single.Lab;

    internal LabHost Host => _single.Host;

    internal JsonObject Conf => _single.Conf;

    internal string Config => _single.Config;

    /// <summary>The container that came in time.</summary>
    internal LabContainer OnBridge { get; } = null!;

    /// <summary>Puts devices on so many ports of the bridge.</summary>
    internal static void Fill(LabHost host, int ports) =>
        host.Sh($"for i in $(seq {ports}); do echo link add filler$i master twill0 type ifb; done | ip -batch -");

    /// <summary>A container that cnitool has connected, past the ports.</summary>
    internal LabContainer AddRouted(string name, string capArgs = "{}")
    {
        LabContainer container = Host.NewContainer(name);
        container.Result = Host.Cnitool("add", container, capArgs).OrThrow().Stdout;
        return container;
    }

    /// <summary>Whether a container's host end is on no bridge.</summary>
    internal bool IsRouted(LabContainer container) =>
        !Host.IpJson($"link show dev {container.HostEnd()}")[0].TryGetProperty("master", out _);

    public void Dispose() => _single.Dispose();
}
