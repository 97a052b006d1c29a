using System.Text;
using Grpc.Core;

namespace Twill.Cluster;

/// <content>User and password: a token is fetched when the first call needs it and again when etcd no longer takes it.</content>
public sealed partial class EtcdClient
{
    private volatile string? _token;

    private bool HasUser => !string.IsNullOrEmpty(_options.Username);

    private static void CheckUser(EtcdOptions options)
    {
        if (string.IsNullOrEmpty(options.Username) && !string.IsNullOrEmpty(options.PasswordFile))
        {
            throw new EtcdException(EtcdErrorKind.Configuration, "", $"passwordFile {options.PasswordFile} is given without username");
        }

        if (string.IsNullOrEmpty(options.Username))
        {
            return;
        }

        if (string.IsNullOrEmpty(options.PasswordFile))
        {
            throw new EtcdException(EtcdErrorKind.Configuration, "", $"username '{options.Username}' is given without passwordFile");
        }

        _ = ReadPassword(options);
    }

    /// <summary>Makes the call with the token of now, and once more with a new one when etcd refuses that: a request refused for its token
    /// was not carried out, so this is safe for writes too.</summary>
    private async Task<T> WithTokenAsync<T>(EtcdCall<T> call, EtcdMember member, EtcdChannel channel, CancellationToken limit)
    {
        string? token = await TokenAsync(member, channel, limit).ConfigureAwait(false);
        try
        {
            return await call.Send(channel, Options(token, limit)).ConfigureAwait(false);
        }
        catch (RpcException e) when (IsTokenRefused(e, call.Name, member))
        {
            Forget(token);
        }

        token = await TokenAsync(member, channel, limit).ConfigureAwait(false);
        return await call.Send(channel, Options(token, limit)).ConfigureAwait(false);
    }

    private bool IsTokenRefused(RpcException e, string call, EtcdMember member) =>
        EtcdFault.IsOldRevision(e) || (HasUser && EtcdFault.From(e, call, member).Kind == EtcdErrorKind.Unauthorized);

    /// <summary>What goes with a call: etcd reads the token from the metadata.</summary>
    private static CallOptions Options(string? token, CancellationToken limit, bool requireLeader = false)
    {
        Metadata metadata = [];
        if (token is not null)
        {
            metadata.Add("token", token);
        }

        // A stream ends when the member loses its leader, instead of falling silent.
        if (requireLeader)
        {
            metadata.Add("hasleader", "true");
        }

        return new CallOptions(metadata, cancellationToken: limit);
    }

    /// <summary>The token to send, fetched if there is none; null when there is no user, or when this etcd has authentication turned
    /// off.</summary>
    private async Task<string?> TokenAsync(EtcdMember member, EtcdChannel channel, CancellationToken limit)
    {
        if (!HasUser)
        {
            return null;
        }

        if (_token is { } known)
        {
            return known == "" ? null : known;
        }

        string password = ReadPassword(_options);
        Etcdserverpb.AuthenticateRequest login = new() { Name = _options.Username, Password = password };
        try
        {
            string token = (await channel.Auth.AuthenticateAsync(login, Options(null, limit)).ConfigureAwait(false)).Token;
            return _token = IsToken(token) ? token : throw new FormatException("the login's token is missing or no token");
        }
        catch (RpcException e) when (!limit.IsCancellationRequested)
        {
            string call = $"etcd login as '{_options.Username}'";
            if (e.Status.DebugException is not null)
            {
                throw EtcdFault.From(e, call, member);
            }

            // What answers may be anybody: what it says does not get the password into a log.
            string text = e.Status.Detail.Replace(password, "(the password)", StringComparison.Ordinal);
            if (e.StatusCode != StatusCode.FailedPrecondition)
            {
                throw EtcdFault.FromStatus(member.Name, call, e.StatusCode, text);
            }
        }

        _token = ""; // authentication is not enabled: calls go without a token until etcd asks for a user
        return null;
    }

    /// <summary>Whether it can be sent as metadata.</summary>
    private static bool IsToken(string token) => token.Length > 0 && !token.AsSpan().ContainsAnyExceptInRange('!', '~');

    private void Forget(string? refused)
    {
        if ((_token ?? "") == (refused ?? ""))
        {
            _token = null;
        }
    }

    private static string ReadPassword(EtcdOptions options)
    {
        try
        {
            if (EtcdFiles.Fault(options.PasswordFile!) is { } fault)
            {
                throw new EtcdException(EtcdErrorKind.Configuration, "", $"passwordFile {options.PasswordFile} {fault}");
            }

            string text = File.ReadAllText(options.PasswordFile!, Encoding.UTF8);
            string password = text.EndsWith('\n')
                ? text.EndsWith("\r\n", StringComparison.Ordinal)
                    ? text[..^2]
                    : text[..^1]
                : text;
            return password != ""
                ? password
                : throw new EtcdException(EtcdErrorKind.Configuration, "", $"passwordFile {options.PasswordFile} is empty");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EtcdException(
                EtcdErrorKind.Configuration,
                "",
                $"passwordFile {options.PasswordFile} cannot be read: {EtcdFiles.Why(e, options.PasswordFile!)}",
                e
            );
        }
    }
}
