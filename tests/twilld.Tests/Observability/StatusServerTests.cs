using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Twill.Agent.Tests;

public sealed class StatusServerTests : IDisposable
{
    private readonly StatusServer _server = new(
        new IPEndPoint(IPAddress.Loopback, 0),
        path => path == "/here" ? new StatusAnswer(200, "gr\u00fcn\n") : new StatusAnswer(404, "no\n"),
        TimeSpan.FromSeconds(2)
    );

    [Theory]
    [InlineData("GET /here HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK", "gr\u00fcn\n")]
    [InlineData("GET /here?a=b HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK", "gr\u00fcn\n")]
    [InlineData("HEAD /here HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK", "")]
    [InlineData("GET /there HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found", "no\n")]
    [InlineData("POST /here HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 Method Not Allowed", "expected GET or HEAD\n")]
    [InlineData("nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request", "expected a request like GET /healthz HTTP/1.1\n")]
    [InlineData("GET /here SIP/2.0\r\n\r\n", "HTTP/1.1 400 Bad Request", "expected a request like GET /healthz HTTP/1.1\n")]
    [InlineData("\r\n\r\n", "HTTP/1.1 400 Bad Request", "expected a request like GET /healthz HTTP/1.1\n")]
    public void A_request_gets_its_answer_and_the_connection_ends(string request, string status, string body)
    {
        string answer = Ask(Encoding.ASCII.GetBytes(request));

        answer.Should().StartWith(status + "\r\n").And.EndWith("\r\n\r\n" + body).And.Contain("\r\nConnection: close\r\n");
        int length = Encoding.UTF8.GetByteCount(body.Length > 0 ? body : "gr\u00fcn\n");
        answer.Should().Contain($"\r\nContent-Length: {length}\r\n");
    }

    [Fact]
    public async Task A_client_of_the_library_understands_it()
    {
        using HttpClient client = new();

        (await client.GetStringAsync($"http://{_server.Address}/here")).Should().Be("gr\u00fcn\n");
        (await client.GetAsync($"http://{_server.Address}/there")).StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public void A_request_without_end_is_refused() =>
        Ask(Encoding.ASCII.GetBytes("GET /" + new string('a', 4091))).Should().StartWith("HTTP/1.1 431 ");

    [Fact]
    public void Random_bytes_harm_nobody()
    {
        Random random = new(7);
        for (int i = 0; i < 200; i++)
        {
            byte[] bytes = new byte[random.Next(1, 300)];
            random.NextBytes(bytes);
            Ask([.. bytes, .. "\r\n\r\n"u8]).Should().StartWith("HTTP/1.1 400 ");
        }
    }

    [Fact]
    public void Connections_that_ask_for_nothing_are_ended_and_keep_others_waiting_no_longer_than_that()
    {
        List<Socket> silent = [.. Enumerable.Range(0, 40).Select(_ => Connect())];

        Ask("GET /here HTTP/1.1\r\n\r\n"u8.ToArray()).Should().StartWith("HTTP/1.1 200 ");
        silent[0].Receive(new byte[1]).Should().Be(0, "it was ended");
        silent.ForEach(s => s.Dispose());
    }

    [Fact]
    public void However_many_are_silent_who_asks_is_answered()
    {
        StatusAnswer here = new(200, "here\n");
        using StatusServer patient = new(new IPEndPoint(IPAddress.Loopback, 0), _ => here, TimeSpan.FromMinutes(5));
        List<Socket> silent = [.. Enumerable.Range(0, 200).Select(_ => Connect(patient))];

        Ask("GET /here HTTP/1.1\r\n\r\n"u8.ToArray(), patient).Should().StartWith("HTTP/1.1 200 ");
        silent[0].Receive(new byte[1]).Should().Be(0, "the oldest had to make room");
        silent[^1].Connected.Should().BeTrue();
        silent.ForEach(s => s.Dispose());
    }

    [Fact]
    public void An_address_that_is_taken_is_told()
    {
        Action second = () => new StatusServer(_server.Address, _ => new StatusAnswer(200, ""), TimeSpan.FromSeconds(1)).Dispose();

        second.Should().Throw<SocketException>().Which.SocketErrorCode.Should().Be(SocketError.AddressAlreadyInUse);
    }

    public void Dispose() => _server.Dispose();

    private Socket Connect(StatusServer? server = null)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
        socket.Connect((server ?? _server).Address);
        return socket;
    }

    private string Ask(byte[] request, StatusServer? server = null)
    {
        using Socket socket = Connect(server);
        socket.Send(request);
        socket.Shutdown(SocketShutdown.Send);
        using MemoryStream answer = new();
        byte[] buffer = new byte[4096];
        for (int count; (count = socket.Receive(buffer)) > 0;)
        {
            answer.Write(buffer, 0, count);
        }

        return Encoding.UTF8.GetString(answer.ToArray());
    }
}
