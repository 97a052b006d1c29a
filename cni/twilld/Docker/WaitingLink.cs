using System.Globalization;
using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network;
using Twill.Network.State;

namespace Twill.Agent.Docker;

/// <summary>
/// Where a container's interface is before Docker moves it: at Join the container's namespace need not be there yet. The ADD makes it in a
/// namespace of this program's, from where it goes into the host's under a name of its own, down and without addresses. Who is killed in
/// between leaves nothing: the namespace ends, and with it both ends.
/// </summary>
internal sealed class WaitingLink : IDisposable
{
    private readonly NetNs _waiting;

    private WaitingLink(NetNs waiting) => _waiting = waiting;

    /// <summary>The path of the namespace, for a plugin that this program starts.</summary>
    internal string NetnsPath =>
        string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{_waiting.Handle.DangerousGetHandle()}");

    /// <summary>Makes the namespace.</summary>
    internal static WaitingLink Create() => new(NetNs.Create());

    /// <summary><c>ip link set dev eth0 down; ip link set dev eth0 name NAME; ip link set dev NAME netns HOST</c></summary>
    /// <exception cref="HostException">the container is past the bridge's ports and has IPv6, whose routes Docker does not
    /// make</exception>
    internal void MoveToHost(DockerEndpoint endpoint)
    {
        using RouteSocket host = RouteSocket.Open();
        if (endpoint.Addresses.Any(address => address.Contains(':')) && RoutedVeth.Is(host.GetLink(endpoint.HostName)))
        {
            throw new HostException(
                $"network {endpoint.Network} has no port on its bridge for a container of Docker's with an IPv6 address (icc is false, or "
                    + "they are all taken)"
            );
        }

        using NetNs own = NetNs.Current();
        using RouteSocket inside = RouteSocket.Open(_waiting);
        int index = PodLink.IndexOf(inside, DockerEndpoint.IfName);
        RouteBatch batch = inside.NewBatch();
        batch.Add(new SetLink(index) { Up = false });
        batch.Add(new SetLink(index) { Name = DeviceNames.WaitingEnd(endpoint.ContainerId, DockerEndpoint.IfName) });
        batch.Add(new SetLink(index) { Netns = own.Handle });
        batch.Send();
    }

    public void Dispose() => _waiting.Dispose();
}
