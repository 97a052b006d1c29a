using System.Text.Json;
using Twill.Cni;
using Twill.System;

namespace Twill.Agent.Docker;

/// <summary>A request that Docker's plugin protocol knows: from what it says to what is written into the answer.</summary>
internal delegate Task<Action<Utf8JsonWriter>?> DockerCall(ConfigReader request, CancellationToken stop);

/// <summary>
/// Docker's plugin protocol: which path is whose, JSON in and out, and errors in the form of libnetwork, <c>{"Err": "..."}</c>. Members of
/// a request that nobody here knows are none of our business: each version of Docker sends more.
/// </summary>
/// <param name="networks">The network driver.</param>
/// <param name="addresses">The IPAM driver.</param>
/// <param name="log">Where refusals are told.</param>
internal sealed class DockerApi(NetworkDriver networks, IpamDriver addresses, Log log)
{
    private readonly Dictionary<string, DockerCall> _calls = new()
    {
        ["/Plugin.Activate"] = (_, _) => Fixed(w => WriteStrings(w, "Implements", "NetworkDriver", "IpamDriver")),
        ["/NetworkDriver.GetCapabilities"] = (_, _) =>
            Fixed(w =>
            {
                w.WriteString("Scope", "local");
                w.WriteString("ConnectivityScope", "global");
            }),
        ["/NetworkDriver.CreateNetwork"] = networks.CreateNetworkAsync,
        ["/NetworkDriver.DeleteNetwork"] = networks.DeleteNetworkAsync,
        ["/NetworkDriver.CreateEndpoint"] = networks.CreateEndpointAsync,
        ["/NetworkDriver.EndpointOperInfo"] = (_, _) => Fixed(w => WriteEmpty(w, "Value")),
        ["/NetworkDriver.DeleteEndpoint"] = networks.DeleteEndpointAsync,
        ["/NetworkDriver.Join"] = networks.JoinAsync,
        ["/NetworkDriver.Leave"] = networks.LeaveAsync,
        ["/NetworkDriver.DiscoverNew"] = (_, _) => Fixed(null),
        ["/NetworkDriver.DiscoverDelete"] = (_, _) => Fixed(null),
        ["/NetworkDriver.ProgramExternalConnectivity"] = (_, _) => Fixed(null), // Join has published the ports
        ["/NetworkDriver.RevokeExternalConnectivity"] = (_, _) => Fixed(null),
        ["/IpamDriver.GetCapabilities"] = (_, _) => Fixed(w => w.WriteBoolean("RequiresMACAddress", true)),
        ["/IpamDriver.GetDefaultAddressSpaces"] = (_, _) =>
            Fixed(w =>
            {
                w.WriteString("LocalDefaultAddressSpace", IpamDriver.AddressSpace);
                w.WriteString("GlobalDefaultAddressSpace", IpamDriver.AddressSpace);
            }),
        ["/IpamDriver.RequestPool"] = addresses.RequestPoolAsync,
        ["/IpamDriver.ReleasePool"] = (_, _) => Fixed(null),
        ["/IpamDriver.RequestAddress"] = addresses.RequestAddressAsync,
        ["/IpamDriver.ReleaseAddress"] = addresses.ReleaseAddressAsync,
    };

    /// <summary>The body of an error. Docker looks for it in <c>Err</c>, where it asked the IPAM driver in <c>Error</c>.</summary>
    internal static byte[] ErrorOf(string text) => CniJson.Write(w =>
        {
            w.WriteStartObject();
            w.WriteString("Err", $"twill: {text}");
            w.WriteString("Error", $"twill: {text}");
            w.WriteEndObject();
        });

    /// <summary>Carries out a request.</summary>
    internal async Task<DockerAnswer> AnswerAsync(string path, ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        if (!_calls.TryGetValue(path, out DockerCall? call))
        {
            return new DockerAnswer(404, ErrorOf($"there is no {ForeignText.Shown(path)} here"));
        }

        if (!CniJson.TryParse(IsBlank(body) ? "{}"u8.ToArray() : body, out JsonElement root, out string fault))
        {
            return new DockerAnswer(400, ErrorOf($"{path}: {fault}"));
        }

        try
        {
            ConfigReader request = new(root, "$", CniErrorCode.DecodeFailure, path[1..]);
            Action<Utf8JsonWriter>? members = await call(request, stop).ConfigureAwait(false);
            return new DockerAnswer(200, CniJson.Write(w =>
                {
                    w.WriteStartObject();
                    members?.Invoke(w);
                    w.WriteEndObject();
                }));
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            string text = e is CniException cni ? cni.Text : e.Message;
            log.Limited(LogLevel.Warning, $"docker: {path[1..]}: {text}");
            return new DockerAnswer(200, ErrorOf(text));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log.Critical($"docker: error in the program, {path[1..]}: {e}");
            return new DockerAnswer(500, ErrorOf($"{path[1..]}: error in the program: {e.Message}"));
        }
    }

    private static bool IsBlank(ReadOnlyMemory<byte> body)
    {
        ReadOnlySpan<byte> text = body.Span.Trim(" \t\r\n"u8);
        return text.IsEmpty || text.SequenceEqual("null"u8); // what a call without arguments sends
    }

    /// <summary>An object without members.</summary>
    internal static void WriteEmpty(Utf8JsonWriter w, string key)
    {
        w.WriteStartObject(key);
        w.WriteEndObject();
    }

    private static Task<Action<Utf8JsonWriter>?> Fixed(Action<Utf8JsonWriter>? members) => Task.FromResult(members);

    private static void WriteStrings(Utf8JsonWriter w, string key, params ReadOnlySpan<string> values)
    {
        w.WriteStartArray(key);
        foreach (string value in values)
        {
            w.WriteStringValue(value);
        }

        w.WriteEndArray();
    }
}
