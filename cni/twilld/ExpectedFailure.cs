using System.Net.Sockets;
using Twill.Cluster;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Ports;

namespace Twill.Agent;

/// <summary>
/// Tells failures of the world around the agent (kernel, etcd, files, configuration) from errors in the program. Only the former are
/// conditions of a network.
/// </summary>
internal static class ExpectedFailure
{
    /// <summary>Whether the exception is a failure that a running host may meet.</summary>
    internal static bool Is(Exception e) =>
        e
            is IOException // of files, the C library and netlink
                or UnauthorizedAccessException
                or SocketException
                or TimeoutException
                or HostException
                or AlreadyAttachedException
                or PortInUseException
                or CniException
                or ClusterException
                or EtcdException;
}
