using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>A single host with a containerd, for the tests of a class.</summary>
public sealed class ContainerdHost : IDisposable
{
    private readonly SingleHost _single = new();

    public ContainerdHost()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        try
        {
            Place = RuntimeNamespaces.On(_single.Host);
            Containerd = new Containerd(Place);
            Eventually.True("containerd has read the network", () => Cri.NetworkReady().IsReady, onFailure: () => Containerd.Log);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal RuntimeNamespaces Place { get; } = null!;

    internal Containerd Containerd { get; } = null!;

    internal CriClient Cri => Containerd.Cri;

    internal LabHost Host => _single.Host;

    internal LabNode Outside => _single.Lab.Outside;

    public void Dispose()
    {
        Containerd?.Dispose();
        Place?.Dispose();
        _single.Dispose();
    }
}
