using Grpc.Core;

namespace Twill.Cluster;

/// <summary>One request to etcd.</summary>
/// <typeparam name="T">What the answer says.</typeparam>
/// <param name="Name">How the call is named in messages: "etcd range".</param>
/// <param name="Repeatable">True when asking twice does no harm, so that a call without an answer may go to the next endpoint.</param>
/// <param name="Send">Sends it over a channel and reads the answer; what is not etcd's is a <see cref="FormatException"/>.</param>
internal sealed record EtcdCall<T>(string Name, bool Repeatable, Func<EtcdChannel, CallOptions, Task<T>> Send);
