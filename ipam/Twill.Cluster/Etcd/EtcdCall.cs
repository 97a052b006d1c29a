namespace Twill.Cluster;

/// <summary>One request to the gateway.</summary>
/// <param name="Name">How the call is named in messages: "etcd range".</param>
/// <param name="Path">Path under the endpoint, such as /v3/kv/range.</param>
/// <param name="Body">The JSON body. For authentication it holds the password: bodies are never shown.</param>
/// <param name="Repeatable">True when asking twice does no harm, so that a call without an answer may go to the next endpoint.</param>
/// <param name="RequireLeader">True for streams that have to end when the member loses its leader.</param>
/// <param name="Answer">What reads the answer while it arrives; null to have it as a whole.</param>
internal sealed record EtcdCall(
    string Name,
    string Path,
    byte[] Body,
    bool Repeatable,
    bool RequireLeader = false,
    RangeAnswer? Answer = null
);
