using System.Text;
using System.Text.Json;
using Twill.Cni;
using Twill.System;

namespace Twill.Agent.Attach;

/// <summary>podman, which has no daemon: its command line is asked.</summary>
internal sealed class PodmanRuntime : IContainerRuntime
{
    private const int NotFound = 127;

    /// <inheritdoc/>
    public string Name => "podman";

    /// <inheritdoc/>
    public async Task<RuntimeAnswer> ListAsync(CancellationToken stop)
    {
        string[] arguments = ["container", "list", "--all", "--no-trunc", "--format", "json"];
        (int code, string output) = await HelperProgram.RunAsync(Name, arguments, stop).ConfigureAwait(false);
        return code switch
        {
            NotFound => new RuntimeAnswer([], "it is not installed"),
            0 => new RuntimeAnswer(Parse(output)),
            _ => throw new IOException($"podman {string.Join(' ', arguments)} ended with {code}: {ForeignText.Shown(output)}"),
        };
    }

    /// <inheritdoc/>
    public Task<int> PidOfAsync(KnownContainer container, CancellationToken stop) => Task.FromResult(container.Pid ?? 0);

    /// <summary>What it lists; behind that may stand warnings.</summary>
    internal static List<KnownContainer> Parse(string output)
    {
        List<KnownContainer> all = [];
        int start = output.IndexOf('[');
        if (start < 0)
        {
            return all; // none: an older one says nothing at all then
        }

        try
        {
            Utf8JsonReader reader = new(Encoding.UTF8.GetBytes(output[start..]), isFinalBlock: true, default);
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            foreach (ConfigReader one in new ConfigReader(document.RootElement, "containers", CniErrorCode.DecodeFailure, "podman").Items())
            {
                bool runs = one["State"].OptionalString() is "running" or "paused";
                all.Add(
                    new KnownContainer(
                        "podman",
                        one["Id"].RequiredString("an id"),
                        one["Names"].StringList(),
                        runs ? one["Pid"].Int(0, 0, int.MaxValue) : 0
                    )
                );
            }

            return all;
        }
        catch (JsonException e)
        {
            throw new IOException($"podman's list of containers: {e.Message}", e);
        }
    }
}
