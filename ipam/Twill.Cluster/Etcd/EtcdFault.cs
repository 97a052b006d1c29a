using System.Text;
using System.Text.Json;

namespace Twill.Cluster;

/// <summary>Turns an error that etcd answered with into an <see cref="EtcdException"/>. The gRPC status code decides; where etcd uses one
/// code
/// for several errors, its exact description does (they are constants of its API: api/v3rpc/rpctypes/error.go).</summary>
internal static class EtcdFault
{
    public const int FailedPrecondition = 9;

    private const int Cancelled = 1,
        InvalidArgument = 3,
        DeadlineExceeded = 4,
        NotFound = 5,
        PermissionDenied = 7,
        ResourceExhausted = 8,
        OutOfRange = 11,
        Unavailable = 14,
        Unauthenticated = 16;

    /// <summary>From an HTTP answer other than 200: {"error":..,"code":..} up to etcd 3.5, {"code":..,"message":..} from 3.6 on.</summary>
    public static EtcdException FromAnswer(string endpoint, string call, int httpStatus, ReadOnlyMemory<byte> body)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(body);
            var reply = new EtcdReply(json.RootElement);
            if (reply.Has("code"))
            {
                return From(endpoint, call, (int)reply.Int64("code"), reply.Has("message") ? reply.Text("message") : reply.Text("error"));
            }
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            // not etcd's error form: told as an HTTP status below
        }
        string hint =
            httpStatus == 404
                ? "is this etcd's client URL, etcd 3.4 or newer, with its JSON gateway on (--enable-grpc-gateway)?"
                : "is this etcd's client URL?";
        return new EtcdException(
            EtcdErrorKind.Protocol,
            endpoint,
            $"{call} at {endpoint}: HTTP status {httpStatus}, which is no answer of etcd; {hint}"
        )
        {
            NotCarriedOut = httpStatus == 404,
        };
    }

    /// <summary>From an error object inside a stream: {"error":{"grpc_code":..,"message":..}} or, from 3.6 on,
    /// {"error":{"code":..,..}}.</summary>
    public static EtcdException FromStream(string endpoint, string call, EtcdReply error) =>
        From(endpoint, call, (int)(error.Has("grpc_code") ? error.Int64("grpc_code") : error.Int64("code")), error.Text("message"));

    public static EtcdException From(string endpoint, string call, int code, string text)
    {
        (EtcdErrorKind kind, string advice, bool notCarriedOut) = (code, text) switch
        {
            (Unauthenticated, _) => (EtcdErrorKind.Unauthorized, "", true),
            (InvalidArgument, "etcdserver: user name is empty") => (
                EtcdErrorKind.Unauthorized,
                "this etcd wants a user: set username and passwordFile",
                true
            ),
            (InvalidArgument, "etcdserver: revision of auth store is old") => (EtcdErrorKind.Unauthorized, "", true),
            (InvalidArgument, "etcdserver: authentication failed, invalid user ID or password") => (
                EtcdErrorKind.Unauthorized,
                "check username and the content of passwordFile",
                true
            ),
            (PermissionDenied, _) => (EtcdErrorKind.Denied, "grant the etcd user's role readwrite on the network's prefix", true),
            (NotFound, "etcdserver: requested lease not found") => (EtcdErrorKind.LeaseNotFound, "", true),
            (ResourceExhausted, "etcdserver: mvcc: database space exceeded") => (
                EtcdErrorKind.NoSpace,
                "compact and defragment etcd, or raise its quota, then run 'etcdctl alarm disarm'",
                true
            ),
            (ResourceExhausted, _) => (EtcdErrorKind.Unreachable, "etcd is overloaded", true),
            (OutOfRange, "etcdserver: mvcc: required revision has been compacted") => (EtcdErrorKind.Compacted, "", true),
            (Unavailable, "etcdserver: no leader") => (
                EtcdErrorKind.Unreachable,
                "its cluster has no quorum: check the other members with 'etcdctl endpoint status --cluster'",
                true
            ),
            (Unavailable or Cancelled or DeadlineExceeded, _) => (EtcdErrorKind.Unreachable, "", false),
            _ => (EtcdErrorKind.Refused, "", true),
        };
        return new EtcdException(
            kind,
            endpoint,
            $"{call} at {endpoint}: {Printable(text)} (gRPC code {code}){(advice == "" ? "" : $"; {advice}")}"
        )
        {
            NotCarriedOut = notCarriedOut,
            GrpcCode = code,
        };
    }

    /// <summary>Foreign text cut to a length and freed from control characters, for messages.</summary>
    public static string Printable(string text)
    {
        var b = new StringBuilder();
        foreach (char c in text)
        {
            if (b.Length == 200)
            {
                return b.Append("..").ToString();
            }

            b.Append(char.IsControl(c) || char.IsSurrogate(c) ? '?' : c);
        }
        return b.Length == 0 ? "(no text)" : b.ToString();
    }
}
