using System.Net.Sockets;
using System.Text;
using Twill.Agent.Docker;

namespace Twill.Agent.Tests.Docker;

/// <summary>Docker's socket, and whoever else writes to it.</summary>
public sealed class DockerServerTests : IDisposable
{
    private readonly DockerBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("GET /Plugin.Activate HTTP/1.1\r\n\r\n", "405", "expected POST")]
    [InlineData("nonsense\r\n\r\n", "400", "expected a request like POST /Plugin.Activate HTTP/1.1")]
    [InlineData("POST /Nothing HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "404", "there is no /Nothing here")]
    [InlineData("POST /Plugin.Activate HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", "413", "at most 262144 bytes")]
    [InlineData("POST /Plugin.Activate HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "413", "at most 262144 bytes")]
    [InlineData("POST /Plugin.Activate HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "411", "Content-Length")]
    [InlineData("POST /NetworkDriver.Join HTTP/1.1\r\nContent-Length: 5\r\n\r\n[1,2]", "400", "expected a JSON object")]
    [InlineData("POST /NetworkDriver.Join HTTP/1.1\r\nContent-Length: 4\r\n\r\n{\"a\"", "400", "not valid JSON")]
    public void What_is_no_request_of_Dockers_is_refused_in_its_form(string request, string status, string text) =>
        Ask(Encoding.ASCII.GetBytes(request)).Should().StartWith($"HTTP/1.1 {status} ").And.Contain("{\"Err\":\"twill: ").And.Contain(text);

    [Fact]
    public void A_head_without_end_is_refused() =>
        Ask(Encoding.ASCII.GetBytes("POST /" + new string('a', 9000))).Should().StartWith("HTTP/1.1 431 ");

    [Fact]
    public void Several_requests_of_one_connection_get_their_answers_also_when_they_come_together()
    {
        const string Two =
            "POST /Plugin.Activate HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
            + "POST /IpamDriver.GetCapabilities HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";

        Ask(Encoding.ASCII.GetBytes(Two))
            .Should()
            .Contain("""{"Implements":["NetworkDriver","IpamDriver"]}""")
            .And.Contain("""{"RequiresMACAddress":true}""");
    }

    [Fact]
    public void Random_bodies_harm_nobody()
    {
        Random random = new(12);
        string[] paths = ["/NetworkDriver.Join", "/NetworkDriver.CreateEndpoint", "/IpamDriver.RequestPool", "/IpamDriver.RequestAddress"];
        for (int i = 0; i < 400; i++)
        {
            byte[] body = new byte[random.Next(1, 200)];
            random.NextBytes(body);
            byte[] head = Encoding.ASCII.GetBytes(
                $"POST {paths[i % paths.Length]} HTTP/1.1\r\nConnection: close\r\nContent-Length: {body.Length}\r\n\r\n"
            );
            Ask([.. head, .. body]).Should().StartWith("HTTP/1.1 400 ");
        }

        _bench.Plugins.Calls.Should().BeEmpty();
        _bench.Do("/Plugin.Activate", "").GetProperty("Implements").GetArrayLength().Should().Be(2);
    }

    [Fact]
    public void Who_goes_away_in_the_middle_keeps_no_other_waiting()
    {
        for (int i = 0; i < 300; i++) // more than there may be at once
        {
            using Socket socket = DockerBench.Connect(_bench.SocketPath);
            socket.Send("POST /NetworkDriver.Join HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"u8);
        }

        _bench.Do("/NetworkDriver.GetCapabilities", "null").GetProperty("Scope").GetString().Should().Be("local");
    }

    [Fact]
    public void A_socket_that_a_killed_agent_left_is_replaced_and_one_that_somebody_answers_is_not()
    {
        string left = $"{_bench.SocketPath}.left";
        using (Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint($"{left}.new"));
            File.Move($"{left}.new", left); // or the runtime would remove it
        }

        File.Exists(left).Should().BeTrue();
        using (new DockerServer(left, (_, _, _) => Task.FromResult(new DockerAnswer(200, []))))
        {
            new FileInfo(left).UnixFileMode.Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
            FluentActions
                .Invoking(() => new DockerServer(left, (_, _, _) => Task.FromResult(new DockerAnswer(200, []))))
                .Should()
                .Throw<IOException>()
                .WithMessage("*another program answers there already*");
        }

        File.Exists(left).Should().BeFalse("it goes with the agent");
    }

    private string Ask(byte[] request)
    {
        using Socket socket = DockerBench.Connect(_bench.SocketPath);
        socket.ReceiveTimeout = 10_000;
        socket.Send(request);
        socket.Shutdown(SocketShutdown.Send);
        StringBuilder answer = new();
        byte[] buffer = new byte[4096];
        for (int count; (count = Receive(socket, buffer)) > 0;)
        {
            answer.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }

        return answer.ToString();
    }

    /// <summary>A connection that ends while the server has not read all is reset.</summary>
    private static int Receive(Socket socket, byte[] buffer)
    {
        try
        {
            return socket.Receive(buffer);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            return 0;
        }
    }
}
