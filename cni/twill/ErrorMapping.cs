using Twill.Cni;
using Twill.Host;
using Twill.Host.Ports;
using Twill.Linux.Netlink;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Plugin;

/// <summary>What a failure below the plugin is called in the specification's terms.</summary>
internal static class ErrorMapping
{
    /// <summary>The failure as the runtime is told it; null when it is of no known kind, which the dispatcher reports as a
    /// defect.</summary>
    public static CniException? Translate(Exception failure) =>
        failure switch
        {
            CniException known => known,
            AlreadyAttachedException again => new CniException(
                CniErrorCode.AlreadyAttached,
                $"{again.Message}; DEL it first",
                cause: again
            ),
            InterfaceExistsException other => new CniException(
                CniErrorCode.Kernel,
                $"{other.Message}: give another CNI_IFNAME, or remove that one",
                cause: other
            ),
            NoGatewayException address => new CniException(
                CniErrorCode.Kernel,
                $"{address.Message}: the IPAM plugin names no gateway for it, which would be the host's own address in that subnet",
                cause: address
            ),
            OverlapException overlap => new CniException(
                CniErrorCode.Kernel,
                overlap.Message,
                overlap.Key == "isGateway"
                    ? "$.isGateway: set it to false, which leaves that address where it is, or give another gateway in $.ipam"
                : overlap.Key == "forceAddress"
                    ? "$.forceAddress: take that address off the bridge (ip address del), or leave the key out"
                    : "$.ipam: give the containers another subnet, or take that address or route off this host",
                overlap
            ),
            HostException host => new CniException(CniErrorCode.Kernel, host.Message, cause: host),
            PortInUseException port => new CniException(
                CniErrorCode.PortInUse,
                port.Message,
                port.IsOfHost
                    ? $"publish another host port, or stop that process; with \"{TwillConf.HostPortInUseKey}\": \"{TwillConf.Force}\" "
                        + "the port leads to the container nevertheless"
                    : "publish another host port, or DEL that container first",
                port
            ),
            NetlinkException { Errno: Errno.EPERM } kernel => new CniException(
                CniErrorCode.Kernel,
                kernel.Message,
                "the plugin needs root (CAP_NET_ADMIN, and CAP_SYS_ADMIN to enter namespaces)",
                kernel
            ),
            NetlinkException kernel => new CniException(CniErrorCode.Kernel, kernel.Message, cause: kernel),
            NetlinkFormatException strange => new CniException(
                CniErrorCode.Kernel,
                $"the kernel's answer makes no sense: {strange.Message}",
                cause: strange
            ),
            TimeoutException wait => new CniException(CniErrorCode.TryAgainLater, "another process is in the way", wait.Message, wait),
            LibcException libc when !IsOfFile(libc) => new CniException(CniErrorCode.Kernel, libc.Message, cause: libc),
            _ => null,
        };

    /// <summary>Whether a call failed on a file or a stream, which the dispatcher reports as input and output that failed; the files by
    /// which one talks to the kernel are none.</summary>
    private static bool IsOfFile(LibcException failure) =>
        failure.Path is string path
        && !path.StartsWith("/proc/", StringComparison.Ordinal)
        && !path.StartsWith("/sys/", StringComparison.Ordinal);

    /// <summary>The same, for a failure that has to be reported in any case.</summary>
    public static CniException AsCni(Exception failure) =>
        Translate(failure)
        ?? (
            failure is IOException or UnauthorizedAccessException
                ? new CniException(CniErrorCode.IoFailure, "input or output failed", failure.Message, failure)
                : new CniException(CniErrorCode.Internal, failure.Message, failure.GetType().Name, failure)
        );

    /// <summary>The failure with what could not be undone after it.</summary>
    public static CniException WithLeftovers(Exception failure, List<string> leftovers)
    {
        CniException told = AsCni(failure);
        if (leftovers.Count == 0)
        {
            return told;
        }

        string left = $"and undoing it failed too: {string.Join("; ", leftovers)}";
        return new CniException(told.Code, told.Message, told.Details.Length == 0 ? left : $"{told.Details}; {left}", failure);
    }
}
