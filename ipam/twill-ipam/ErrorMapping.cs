using Twill.Cluster;
using Twill.Cni;

namespace Twill.Ipam;

/// <summary>What the lower libraries throw, in the specification's form.</summary>
internal static class ErrorMapping
{
    /// <summary>Null for what is none of theirs.</summary>
    public static CniException? Translate(Exception failure) =>
        failure switch
        {
            CniException known => known,
            EtcdException etcd => new CniException(CodeOf(etcd), "etcd failed", etcd.Message, etcd),
            ClusterException { IsTransient: true } cluster => new CniException(
                CniErrorCode.TryAgainLater,
                "the network has no subnet left",
                cluster.Message,
                cluster
            ),
            ClusterException { Kind: ClusterErrorKind.IdentityConflict } cluster => new CniException(
                CniErrorCode.TryAgainLater,
                "another host has this one's node id",
                cluster.Message,
                cluster
            ),
            ClusterException cluster => new CniException(
                CniErrorCode.InvalidNetworkConfig,
                "the configuration and etcd's do not go together",
                cluster.Message,
                cluster
            ),
            TimeoutException timeout => new CniException(
                CniErrorCode.TryAgainLater,
                "another process is in the way",
                timeout.Message,
                timeout
            ),
            _ => null,
        };

    /// <summary>What a runtime should do: try again when etcd is away, have somebody look when etcd refuses.</summary>
    public static CniErrorCode CodeOf(EtcdException failure) =>
        failure switch
        {
            { IsTransient: true } => CniErrorCode.TryAgainLater,
            { Kind: EtcdErrorKind.Configuration } => CniErrorCode.InvalidNetworkConfig,
            _ => CniErrorCode.Etcd,
        };
}
