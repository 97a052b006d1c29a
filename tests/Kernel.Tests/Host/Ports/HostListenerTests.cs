using Twill.Host.Ports;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;

namespace Kernel.Tests.Host.Ports;

/// <summary>What processes of the host listen on is not published; python3 listens.</summary>
public sealed class HostListenerTests : IDisposable
{
    private readonly PortLab _lab = new(withIPv6: true);
    private readonly TempDir _temp = TempDir.Create();

    [RequiresRootTheory]
    [InlineData("tcp", "0.0.0.0", "0.0.0.0", true)]
    [InlineData("tcp", "0.0.0.0", HostAddress, true)]
    [InlineData("tcp", HostAddress, "0.0.0.0", true)]
    [InlineData("tcp", "127.0.0.1", "0.0.0.0", true)]
    [InlineData("tcp", "127.0.0.1", HostAddress, false)]
    [InlineData("tcp", "::", "0.0.0.0", true)]
    [InlineData("tcp", "::", "::", true)]
    [InlineData("tcp", "::1", "::", true)]
    [InlineData("tcp", HostAddress6, "0.0.0.0", false)]
    [InlineData("tcp", "0.0.0.0", "::", false)]
    [InlineData("udp", "0.0.0.0", "0.0.0.0", true)]
    [InlineData("udp", "::", HostAddress6, true)]
    public void A_port_that_is_listened_on_is_refused_with_the_process(string protocol, string listens, string asked, bool isRefused)
    {
        using Daemon process = Listen(protocol, listens);
        byte number = protocol == "tcp" ? Tcp : Udp,
            other = protocol == "tcp" ? Udp : Tcp;
        bool six = asked.Contains(':');

        Action refused = () => Refuse("c0", six ? Port6(number, 8080, 0, 80, asked) : Port(number, 8080, 0, 80, asked));
        Refuse("c0", Port(number, 8081, 0, 80), Port(other, 8080, 0, 80), Port(Sctp, 8080, 0, 80));

        if (!isRefused)
        {
            refused.Should().NotThrow();
            return;
        }

        refused
            .Should()
            .Throw<PortInUseException>()
            .WithMessage($"host port *8080/{protocol} is in use by process python3* (pid {process.Pid}) of this host, listening at *:8080")
            .Which.IsOfHost.Should()
            .BeTrue();
    }

    [RequiresRootFact]
    public void Who_keeps_a_port_for_the_container_itself_is_not_in_its_way()
    {
        using Daemon process = Listen("tcp", "0.0.0.0", "-c", "c0");

        Refuse("c0", Port(Tcp, 8080, 0, 80));
        FluentActions.Invoking(() => Refuse("c1", Port(Tcp, 8080, 0, 80))).Should().Throw<PortInUseException>();
    }

    [RequiresRootFact]
    public void A_connection_from_such_a_port_is_no_listener()
    {
        using Daemon process = Start($"s=socket.socket(type=socket.SOCK_DGRAM)\ns.bind(('',8080))\ns.connect(('{OutsideAddress}',53))");
        Eventually.True("it is connected", () => _lab.Host.Run("ss", "-Hnau", "state", "connected").OrThrow().Stdout.Contains(":8080"));

        Refuse("c0", Port(Udp, 8080, 0, 80));
    }

    public void Dispose()
    {
        _lab.Dispose();
        _temp.Dispose();
    }

    private void Refuse(string container, params PublishedPort[] ports) =>
        _lab.OnHost(_ => PortMaps.RefuseListeners(new PodPorts(container, "eth0", ports)));

    private Daemon Listen(string protocol, string address, params string[] arguments)
    {
        bool six = address.Contains(':');
        bool tcp = protocol == "tcp";
        Daemon process = Start(
            $"s=socket.socket(socket.{(six ? "AF_INET6" : "AF_INET")},socket.{(tcp ? "SOCK_STREAM" : "SOCK_DGRAM")})\n"
                + $"s.bind(('{address}',8080))\n{(tcp ? "s.listen()" : "")}",
            arguments
        );
        Eventually.True(
            "it listens",
            () => _lab.Host.Run("ss", "-Hlntu").OrThrow().Stdout.Contains(":8080"),
            onFailure: () => process.Log
        );
        return process;
    }

    private Daemon Start(string script, params string[] arguments) =>
        Daemon.Start(
            "python3",
            [.. _lab.Host.Enter, "python3", "-c", $"import socket,time\n{script}\ntime.sleep(600)", .. arguments],
            _temp.At("log")
        );
}
