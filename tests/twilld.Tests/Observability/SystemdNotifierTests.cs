using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Twill.Testing;

namespace Twill.Agent.Tests;

public sealed class SystemdNotifierTests
{
    [Fact]
    public void The_service_manager_gets_one_datagram_per_message_and_no_repeated_status()
    {
        using TempDir dir = TempDir.Create();
        using Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 5000 };
        manager.Bind(new UnixDomainSocketEndPoint(dir.At("notify")));

        SystemdNotifier notifier = new(dir.At("notify"), Silent());
        notifier.Ready();
        notifier.Status("1 network");
        notifier.Status("1 network");
        notifier.Stopping();

        Receive(manager).Should().Be("READY=1");
        Receive(manager).Should().Be("STATUS=1 network");
        Receive(manager).Should().Be("STOPPING=1");
    }

    [Fact]
    public void A_reload_carries_the_time_by_which_the_service_manager_orders_it()
    {
        using TempDir dir = TempDir.Create();
        using Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 5000 };
        manager.Bind(new UnixDomainSocketEndPoint(dir.At("notify")));
        double uptime = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);

        new SystemdNotifier(dir.At("notify"), Silent()).Reloading();

        string[] lines = Receive(manager).Split('\n');
        lines.Should().HaveCount(2).And.StartWith("RELOADING=1");
        (long.Parse(lines[1]["MONOTONIC_USEC=".Length..], null) / 1e6)
            .Should()
            .BeInRange(uptime - 0.1, uptime + 60, "CLOCK_MONOTONIC is the uptime here");
    }

    [Theory]
    [InlineData("60000000", null, 60.0)]
    [InlineData("60000000", "", 60.0)]
    [InlineData("60000000", "1", null)]
    [InlineData(null, null, null)]
    [InlineData("0", null, null)]
    [InlineData("soon", null, null)]
    public void The_watchdog_is_for_us_when_no_other_process_is_named(string? period, string? pid, double? seconds) =>
        SystemdNotifier.WatchdogPeriod(period, pid).Should().Be(seconds is { } s ? TimeSpan.FromSeconds(s) : null);

    [Fact]
    public void An_abstract_socket_is_written_with_an_at_sign()
    {
        string name = $"twill-test-{Guid.NewGuid():n}";
        using Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 5000 };
        manager.Bind(new UnixDomainSocketEndPoint('\0' + name));

        new SystemdNotifier('@' + name, Silent()).Ready();

        Receive(manager).Should().Be("READY=1");
    }

    [Fact]
    public void A_dead_socket_is_told_and_not_fatal()
    {
        using MemoryStream output = new();
        new SystemdNotifier("/nowhere/notify", new Log(output, LogLevel.Info, LogFormat.Text, new ManualClock())).Ready();

        Encoding.UTF8.GetString(output.ToArray()).Should().Contain("NOTIFY_SOCKET=/nowhere/notify");
    }

    private static Log Silent() => new(Stream.Null, LogLevel.Error, LogFormat.Text, TimeProvider.System);

    private static string Receive(Socket socket)
    {
        byte[] buffer = new byte[512];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }
}
