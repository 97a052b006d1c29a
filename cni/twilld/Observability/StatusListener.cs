using System.Net;
using System.Net.Sockets;

namespace Twill.Agent;

/// <summary>
/// Keeps a <see cref="StatusServer"/> where <c>--listen</c> says. At boot the address may come later than the agent, and a port may be
/// another's for a while: it tries again until it can, and tells of that.
/// </summary>
/// <param name="at">Where to listen.</param>
/// <param name="answer">The answer to a path.</param>
/// <param name="log">The log.</param>
/// <param name="publish">Called with what is wrong; with null when it listens.</param>
internal sealed class StatusListener(IPEndPoint at, Func<string, StatusAnswer> answer, Log log, Action<string?> publish)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1),
        RequestLimit = TimeSpan.FromSeconds(5);

    private readonly Condition _condition = new(log, TimeProvider.System, $"--listen {at}", publish);

    /// <summary>Listens until stopped.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        try
        {
            using StatusServer server = await OpenAsync(stop).ConfigureAwait(false);
            log.Info($"/metrics and /healthz are at http://{server.Address}");
            await Task.Delay(Timeout.InfiniteTimeSpan, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The agent ends.
        }
    }

    private async Task<StatusServer> OpenAsync(CancellationToken stop)
    {
        while (true)
        {
            try
            {
                StatusServer server = new(at, answer, RequestLimit);
                _condition.Resolve();
                return server;
            }
            catch (SocketException e)
            {
                _condition.Raise($"{e.Message}; it is tried again every second: {Remedy(e.SocketErrorCode)}", LogLevel.Error);
            }

            await Task.Delay(Pause, stop).ConfigureAwait(false);
        }
    }

    private string Remedy(SocketError error) =>
        error switch
        {
            SocketError.AddressNotAvailable => $"no interface of this host has {at.Address}; or give --listen another address",
            SocketError.AddressAlreadyInUse => $"another program listens there (ss -ltnp 'sport = :{at.Port}' shows it); end it, or give "
                + "--listen another port",
            SocketError.AccessDenied => "ports below 1024 need CAP_NET_BIND_SERVICE; give --listen a higher one",
            _ => "give --listen an address of this host and a port that nobody else listens on",
        };
}
