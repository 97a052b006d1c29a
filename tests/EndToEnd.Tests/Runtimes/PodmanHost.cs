using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>A single host with podman and two networks, `twill` and `second`, for the tests of a class.</summary>
public sealed class PodmanHost : IDisposable
{
    private readonly SingleHost _single = new();

    public PodmanHost()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        try
        {
            Host.Configure(Second());
            Place = RuntimeNamespaces.On(Host);
            Podman = new Podman(Place);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal RuntimeNamespaces Place { get; } = null!;

    internal Podman Podman { get; } = null!;

    internal LabHost Host => _single.Host;

    internal LabNode Outside => _single.Lab.Outside;

    public void Dispose()
    {
        Place?.Dispose();
        _single.Dispose();
    }

    private static JsonObject Second()
    {
        JsonObject conf = SampleConf.Single();
        conf["name"] = "second";
        conf.Plugin()["bridge"] = "twill1";
        conf.Ipam()["subnet"] = "10.245.0.0/24";
        return conf;
    }
}
