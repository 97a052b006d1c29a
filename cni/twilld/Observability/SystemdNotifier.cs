using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Twill.Agent;

/// <summary>Tells the service manager how far we are: sd_notify(3), one datagram per message to the socket in NOTIFY_SOCKET.</summary>
internal sealed class SystemdNotifier(string? socketPath, Log log)
{
    private string _lastStatus = "";

    internal void Ready() => Send("READY=1");

    internal void Stopping() => Send("STOPPING=1");

    /// <summary>The configuration is being read again; <see cref="Ready"/> ends it.</summary>
    internal void Reloading() =>
        Send(
            string.Create(
                CultureInfo.InvariantCulture,
                $"RELOADING=1\nMONOTONIC_USEC={Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000)}"
            )
        );

    /// <summary>We are alive: due more often than <see cref="WatchdogPeriod"/> says.</summary>
    internal void Alive() => Send("WATCHDOG=1");

    /// <summary>How long the service manager waits for a sign of life before it starts us anew; null when it does not.</summary>
    /// <param name="microseconds">WATCHDOG_USEC.</param>
    /// <param name="pid">WATCHDOG_PID: whom it is about, if not us.</param>
    internal static TimeSpan? WatchdogPeriod(string? microseconds, string? pid) =>
        (string.IsNullOrEmpty(pid) || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
        && long.TryParse(microseconds, NumberStyles.None, CultureInfo.InvariantCulture, out long period)
        && period > 0
            ? TimeSpan.FromMicroseconds(period)
            : null;

    /// <summary>One line for `systemctl status`; sent only when it changed.</summary>
    internal void Status(string text)
    {
        if (text != _lastStatus)
        {
            _lastStatus = text;
            Send($"STATUS={text}");
        }
    }

    private void Send(string message)
    {
        if (string.IsNullOrEmpty(socketPath))
        {
            return;
        }

        try
        {
            // A leading @ stands for the NUL byte of an abstract address.
            string path = socketPath[0] == '@' ? '\0' + socketPath[1..] : socketPath;
            using Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.UTF8.GetBytes(message), new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e)
        {
            log.Warning($"the service manager could not be told \"{message}\" at NOTIFY_SOCKET={socketPath}: {e.Message}");
        }
    }
}
