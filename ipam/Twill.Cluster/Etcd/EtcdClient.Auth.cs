using System.Text;
using System.Text.Json;

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

    /// <summary>The call's answer with status 200. Asked once more with a new token when etcd refuses the one we had; a request refused
    /// for its token was not carried out, so this is safe for writes too.</summary>
    private async Task<ReadOnlyMemory<byte>> WithTokenAsync(EtcdCall call, Uri endpoint, CancellationToken limit)
    {
        string? token = await TokenAsync(endpoint, limit).ConfigureAwait(false);
        (int status, ReadOnlyMemory<byte> body) = await _transport.CallAsync(call, endpoint, token, limit).ConfigureAwait(false);
        if (status == 200)
        {
            return body;
        }

        EtcdException refusal = EtcdFault.FromAnswer(EtcdEndpoints.Show(endpoint), call.Name, status, body);
        if (!HasUser || refusal.Kind != EtcdErrorKind.Unauthorized)
        {
            throw refusal;
        }

        Forget(token);
        token = await TokenAsync(endpoint, limit).ConfigureAwait(false);
        (status, body) = await _transport.CallAsync(call, endpoint, token, limit).ConfigureAwait(false);
        return status == 200 ? body : throw EtcdFault.FromAnswer(EtcdEndpoints.Show(endpoint), call.Name, status, body);
    }

    /// <summary>The token to send, fetched if there is none; null when there is no user, or when this etcd has authentication turned
    /// off.</summary>
    private async Task<string?> TokenAsync(Uri endpoint, CancellationToken limit)
    {
        if (!HasUser)
        {
            return null;
        }

        if (_token is { } known)
        {
            return known == "" ? null : known;
        }

        var call = new EtcdCall(
            $"etcd login as '{_options.Username}'",
            "/v3/auth/authenticate",
            EtcdJson.Body(w =>
            {
                w.WriteString("name", _options.Username);
                w.WriteString("password", ReadPassword(_options));
            }),
            Repeatable: true
        );
        (int status, ReadOnlyMemory<byte> body) = await _transport.CallAsync(call, endpoint, token: null, limit).ConfigureAwait(false);
        if (status == 200)
        {
            using JsonDocument json = JsonDocument.Parse(body);
            string token = new EtcdReply(json.RootElement).Text("token");
            return _token = token.Length > 0 ? token : throw new FormatException("the login's token is missing");
        }
        EtcdException refusal = EtcdFault.FromAnswer(EtcdEndpoints.Show(endpoint), call.Name, status, body);
        if (refusal.GrpcCode != EtcdFault.FailedPrecondition)
        {
            throw refusal;
        }

        _token = ""; // authentication is not enabled: calls go without a token until etcd asks for a user
        return null;
    }

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
            throw new EtcdException(EtcdErrorKind.Configuration, "", $"passwordFile {options.PasswordFile} cannot be read: {e.Message}", e);
        }
    }
}
