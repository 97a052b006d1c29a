using Twill.Cni;
using Twill.Linux;
using Twill.System;

namespace Twill.Plugin;

/// <summary>The container's network namespace, from CNI_NETNS.</summary>
internal static class PodNamespace
{
    /// <summary>Opens it.</summary>
    /// <exception cref="CniException">code 4: there is none at that path, or it is the host's own</exception>
    public static NetNs Open(CniRequest request)
    {
        NetNs pod;
        try
        {
            pod = NetNs.Open(request.NetnsPath!);
        }
        catch (LibcException failure) when (failure.Errno is not (Errno.EMFILE or Errno.ENFILE))
        {
            throw Bad(request, $"expected the path of a network namespace: {failure.Message}", failure);
        }
        using NetNs own = NetNs.Current();
        if (!pod.IsSameAs(own))
        {
            return pod;
        }

        pod.Dispose();
        throw Bad(request, $"'{request.NetnsPath}' is the host's own network namespace: expected the container's", null);
    }

    private static CniException Bad(CniRequest request, string details, Exception? cause) =>
        new(CniErrorCode.InvalidEnvironment, "invalid environment variables: CNI_NETNS", $"CNI_NETNS: {details}", cause);
}
