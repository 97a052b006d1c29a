using Google.Protobuf;
using Grpc.Core;
using Twill.System;

namespace Twill.Cluster;

/// <summary>Turns a failed call into an <see cref="EtcdException"/>: an error that etcd answered with, or what kept an answer from coming.
/// For etcd's errors the gRPC status code decides; where etcd uses one code for several errors, its exact description does (they are
/// constants of its API: api/v3rpc/rpctypes/error.go).</summary>
internal static class EtcdFault
{
    private const string UserEmpty = "etcdserver: user name is empty",
        AuthOldRevision = "etcdserver: revision of auth store is old",
        AuthFailed = "etcdserver: authentication failed, invalid user ID or password",
        LeaseNotFound = "etcdserver: requested lease not found",
        NoSpace = "etcdserver: mvcc: database space exceeded",
        TooManyRequests = "etcdserver: too many requests",
        Compacted = "etcdserver: mvcc: required revision has been compacted",
        NoLeader = "etcdserver: no leader",
        InvalidAuthToken = "etcdserver: invalid auth token",
        PermissionDenied = "etcdserver: permission denied";

    /// <summary>HTTP/2's error codes (RFC 9113, 7) for a peer that breaks the protocol or says that we do.</summary>
    private const long ProtocolError = 1,
        InternalError = 2,
        FlowControlError = 3,
        FrameSizeError = 6,
        CompressionError = 9,
        Http11Required = 13;

    /// <summary>From what a call threw.</summary>
    /// <param name="e">What it threw; an <see cref="EtcdException"/> stays as it is.</param>
    /// <param name="call">The call, as messages name it.</param>
    /// <param name="member">Who was asked.</param>
    public static EtcdException From(Exception e, string call, EtcdMember member)
    {
        Exception cause = e;
        if (e is RpcException rpc)
        {
            if (rpc.Status.DebugException is null)
            {
                return FromStatus(member.Name, call, rpc.StatusCode, rpc.Status.Detail, rpc);
            }

            cause = rpc.Status.DebugException;
        }

        if (Inner<EtcdException>(cause) is { } ours)
        {
            return ours;
        }

        if (Inner<EtcdConnectionException>(cause) is { } connection)
        {
            return New(connection.Kind, connection.Message, connection.NotCarriedOut);
        }

        if (Inner<InvalidProtocolBufferException>(cause) is not null || cause is FormatException)
        {
            return New(EtcdErrorKind.Protocol, $"the answer is not etcd's protobuf ({Innermost(cause)}); is this etcd's client URL?");
        }

        // What the peer says by an HTTP/2 error code counts more than how the client sums it up.
        bool isProtocol = Inner<HttpProtocolException>(cause) is { } http2
            ? IsBreach(http2.ErrorCode)
            : !Any<HttpIOException>(cause, e => e.HttpRequestError == HttpRequestError.ResponseEnded)
                && Any<HttpRequestException>(cause, e =>
                    e.HttpRequestError
                        is HttpRequestError.InvalidResponse
                            or HttpRequestError.HttpProtocolError
                            or HttpRequestError.ConfigurationLimitExceeded
                            or HttpRequestError.VersionNegotiationError
                );
        return isProtocol
            ? New(
                EtcdErrorKind.Protocol,
                $"the answer is not HTTP/2 as etcd speaks it ({Innermost(cause)}); {PlainOrTls(member.Endpoint.IsTls)}"
            )
            : New(EtcdErrorKind.Unreachable, $"the connection broke ({Innermost(cause)}); {PlainOrTls(member.Endpoint.IsTls)}");

        EtcdException New(EtcdErrorKind kind, string text, bool notCarriedOut = false) =>
            new(kind, member.Name, $"{call} at {member.Name}: {text}", e) { NotCarriedOut = notCarriedOut };
    }

    /// <summary>From why etcd ended a watch, which it says in words only: "rpc error: code = PermissionDenied desc = etcdserver: ..", or
    /// the description alone.</summary>
    public static EtcdException FromCancelledWatch(string endpoint, string reason)
    {
        const string Description = " desc = ";
        int at = reason.IndexOf(Description, StringComparison.Ordinal);
        EtcdErrorKind kind = (at < 0 ? reason : reason[(at + Description.Length)..]) switch
        {
            PermissionDenied => EtcdErrorKind.Denied,
            InvalidAuthToken or AuthOldRevision or UserEmpty => EtcdErrorKind.Unauthorized,
            _ => EtcdErrorKind.Unreachable,
        };
        return new EtcdException(kind, endpoint, $"etcd watch at {endpoint}: ended by etcd: {Printable(reason)}");
    }

    /// <summary>True when etcd refused the call because rights changed while it was asked: the same call may succeed at once, with a new
    /// token where there is one. It was not carried out.</summary>
    public static bool IsOldRevision(RpcException e) => e.Status.DebugException is null && e.Status.Detail == AuthOldRevision;

    public static EtcdException FromStatus(string endpoint, string call, StatusCode code, string text, Exception? cause = null)
    {
        (EtcdErrorKind kind, string advice, bool notCarriedOut) = (code, text) switch
        {
            (StatusCode.Unauthenticated, _) => (EtcdErrorKind.Unauthorized, "", true),
            (StatusCode.InvalidArgument, UserEmpty) => (
                EtcdErrorKind.Unauthorized,
                "this etcd wants a user: set username and passwordFile, or certFile and keyFile where the user is a certificate's",
                true
            ),
            (StatusCode.InvalidArgument, AuthOldRevision) => (EtcdErrorKind.Unauthorized, "", true),
            (StatusCode.InvalidArgument, AuthFailed) => (
                EtcdErrorKind.Unauthorized,
                "check username and the content of passwordFile",
                true
            ),
            (StatusCode.PermissionDenied, _) => (
                EtcdErrorKind.Denied,
                "grant the etcd user's role readwrite on the network's prefix",
                true
            ),
            (StatusCode.NotFound, LeaseNotFound) => (EtcdErrorKind.LeaseNotFound, "", true),
            (StatusCode.ResourceExhausted, NoSpace) => (
                EtcdErrorKind.NoSpace,
                "compact and defragment etcd, or raise its quota, then run 'etcdctl alarm disarm'",
                true
            ),
            (StatusCode.ResourceExhausted, TooManyRequests) => (EtcdErrorKind.Unreachable, "etcd is overloaded", true),
            (StatusCode.ResourceExhausted, _) => (
                EtcdErrorKind.Protocol,
                $"nothing of ours is larger than {EtcdChannel.LargestMessage >> 20} MB; is this etcd's client URL?",
                false
            ),
            (StatusCode.OutOfRange, Compacted) => (EtcdErrorKind.Compacted, "", true),
            (StatusCode.Unavailable, NoLeader) => (
                EtcdErrorKind.Unreachable,
                "its cluster has no quorum: check the other members with 'etcdctl endpoint status --cluster'",
                true
            ),
            (StatusCode.Unavailable or StatusCode.DeadlineExceeded, _) => (EtcdErrorKind.Unreachable, "", false),
            (StatusCode.Cancelled, _) => (EtcdErrorKind.Unreachable, "the answer was cut off; is this etcd's client URL?", false),
            (StatusCode.Unimplemented, _) => (
                EtcdErrorKind.Protocol,
                "this is a gRPC server, but none of etcd's: is this etcd's client URL, etcd 3.4 or newer?",
                true
            ),
            (StatusCode.Internal, _) => (EtcdErrorKind.Protocol, "the answer is not etcd's; is this etcd's client URL?", false),
            _ => (EtcdErrorKind.Refused, "", true),
        };
        return new EtcdException(
            kind,
            endpoint,
            $"{call} at {endpoint}: {Printable(text)} (gRPC code {(int)code}){(advice == "" ? "" : $"; {advice}")}",
            cause
        )
        {
            NotCarriedOut = notCarriedOut,
        };
    }

    /// <summary>Foreign text cut to a length and freed from control characters, for messages.</summary>
    public static string Printable(string text) => text == "" ? "(no text)" : ForeignText.Shown(text);

    /// <summary>What the exception at the bottom says.</summary>
    public static string Innermost(Exception e)
    {
        while (e.InnerException is not null)
        {
            e = e.InnerException;
        }

        return Printable(e.Message);
    }

    private static T? Inner<T>(Exception e, Predicate<T>? which = null)
        where T : Exception
    {
        for (Exception? inner = e; inner is not null; inner = inner.InnerException)
        {
            if (inner is T found && which?.Invoke(found) != false)
            {
                return found;
            }
        }
        return null;
    }

    private static bool Any<T>(Exception e, Predicate<T> which)
        where T : Exception => Inner(e, which) is not null;

    private static bool IsBreach(long http2Error) =>
        http2Error is ProtocolError or InternalError or FlowControlError or FrameSizeError or CompressionError or Http11Required;

    private static string PlainOrTls(bool isTls) =>
        isTls ? "is this etcd's client URL?" : "is this etcd's client URL, and without TLS (else write it as https://)?";
}
