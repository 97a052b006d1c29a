using System.Text.Json;
using Twill.Cni;

namespace Twill.Agent.Attach;

/// <summary>Docker, asked at its socket.</summary>
/// <param name="socket">where that is</param>
internal sealed class DockerRuntime(string socket) : IContainerRuntime
{
    private const string Scheme = "unix://";

    /// <summary>Where Docker's own client would ask.</summary>
    internal static DockerRuntime OfHost() =>
        new(
            Environment.GetEnvironmentVariable("DOCKER_HOST") is { } at && at.StartsWith(Scheme, StringComparison.Ordinal)
                ? at[Scheme.Length..]
                : "/run/docker.sock"
        );

    /// <inheritdoc/>
    public string Name => "docker";

    /// <inheritdoc/>
    public async Task<RuntimeAnswer> ListAsync(CancellationToken stop)
    {
        if (!File.Exists(socket))
        {
            return new RuntimeAnswer([], $"there is no {socket}");
        }

        List<KnownContainer> all = [];
        using JsonDocument document = await GetAsync("/containers/json?all=1", stop).ConfigureAwait(false);
        foreach (ConfigReader one in new ConfigReader(document.RootElement, "containers", CniErrorCode.DecodeFailure, Name).Items())
        {
            IEnumerable<string> names = one["Names"].StringList().Select(name => name.TrimStart('/'));
            bool mayRun = one["State"].OptionalString() is not ("created" or "exited" or "dead");
            all.Add(new KnownContainer(Name, one["Id"].RequiredString("an id"), [.. names], mayRun ? null : 0));
        }

        return new RuntimeAnswer(all);
    }

    /// <inheritdoc/>
    public async Task<int> PidOfAsync(KnownContainer container, CancellationToken stop)
    {
        using JsonDocument document = await GetAsync($"/containers/{container.Id}/json", stop).ConfigureAwait(false);
        ConfigReader at = new(document.RootElement, "container", CniErrorCode.DecodeFailure, Name);
        return at["State"]["Pid"].Int(0, 0, int.MaxValue);
    }

    private async Task<JsonDocument> GetAsync(string path, CancellationToken stop)
    {
        using HttpClient client = UnixHttp.Client(socket);
        try
        {
            using HttpResponseMessage answer = await client.GetAsync($"http://docker{path}", stop).ConfigureAwait(false);
            string body = await answer.Content.ReadAsStringAsync(stop).ConfigureAwait(false);
            return answer.IsSuccessStatusCode
                ? JsonDocument.Parse(body)
                : throw new IOException($"docker at {socket}: GET {path}: {(int)answer.StatusCode} {body.Trim()}");
        }
        catch (Exception e) when (UnixHttp.IsFailure(e, stop) || e is JsonException)
        {
            throw new IOException($"docker does not answer at {socket}: {e.Message}; is it running (systemctl status docker)?", e);
        }
    }
}
