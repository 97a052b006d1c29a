using System.Net;
using System.Net.Sockets;
using Twill.Agent.Names;
using Twill.Testing;

namespace Twill.Agent.Tests.Names;

/// <summary>What is asked of the host's resolvers, by a resolver on the loopback interface.</summary>
public sealed class ForwarderTests : IDisposable
{
    private static readonly IPAddress s_client = IPAddress.Parse("10.244.1.2");

    private readonly TempDir _dir = TempDir.Create();
    private readonly Socket _resolver = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly NameDirectory _directory = new();
    private readonly CancellationTokenSource _end = new(TimeSpan.FromSeconds(30));

    public ForwarderTests()
    {
        _resolver.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _dir.Write("resolv.conf", "nameserver 127.0.0.1\n");
    }

    private int Port => ((IPEndPoint)_resolver.LocalEndPoint!).Port;

    [Fact]
    public async Task The_answer_comes_back_under_the_clients_identifier_and_others_are_passed_over()
    {
        byte[] query = Packets.Query("example.org", DnsType.A);
        Task<byte[]?> asked = AskAsync(query);
        (byte[] received, EndPoint from) = await ReceiveAsync();

        received.Length.Should().Be(query.Length);
        received[2..].Should().Equal(query[2..]);
        byte[] otherId = Answered(received);
        otherId[0] ^= 1;
        byte[] otherQuestion = Answered(received);
        otherQuestion[14] ^= 1;
        foreach (byte[] spoofed in (byte[][])[otherId, otherQuestion, received, received[..5], [], Answered(received)])
        {
            await _resolver.SendToAsync(spoofed, SocketFlags.None, from);
        }

        byte[]? answer = await asked;
        answer.Should().Equal(Answered(query));
    }

    [Fact]
    public async Task Identifiers_differ_and_so_do_ports()
    {
        HashSet<(int, int)> seen = [];
        for (int i = 0; i < 8; i++)
        {
            Task<byte[]?> asked = AskAsync(Packets.Query($"example{i}.org", DnsType.A));
            (byte[] received, EndPoint from) = await ReceiveAsync();
            seen.Add((received[0] << 8 | received[1], ((IPEndPoint)from).Port));
            await _resolver.SendToAsync(Answered(received), SocketFlags.None, from);
            await asked;
        }

        seen.Select(one => one.Item1).Distinct().Should().HaveCountGreaterThan(6);
        seen.Select(one => one.Item2).Distinct().Should().HaveCountGreaterThan(6);
    }

    [Fact]
    public async Task The_next_resolver_is_asked_when_one_is_not_there_and_changes_of_the_file_are_followed()
    {
        _dir.Write("resolv.conf", "# comment\nnameserver 127.0.0.9\nnameserver 127.0.0.1 # of this host\noptions ndots:2\n");
        Forwarder forwarder = NewForwarder();
        Task<byte[]?> asked = AskAsync(Packets.Query("example.org", DnsType.A), forwarder);
        (byte[] received, EndPoint from) = await ReceiveAsync();
        await _resolver.SendToAsync(Answered(received), SocketFlags.None, from);
        (await asked).Should().NotBeNull();

        _dir.Write("resolv.conf", "search example\n");
        await Task.Delay(600);

        (await AskAsync(Packets.Query("example.org", DnsType.A), forwarder)).Should().BeNull("there is nobody to ask");
    }

    [Fact]
    public async Task A_resolver_that_asks_back_ends_after_a_few_turns_and_others_are_still_answered()
    {
        Forwarder forwarder = NewForwarder();
        byte[] query = Packets.Query("example.org", DnsType.A);
        List<Task<byte[]?>> turns = [];
        for (int i = 0; i < Forwarder.MostAlike; i++)
        {
            turns.Add(AskAsync(query, forwarder));
        }

        (await AskAsync(query, forwarder)).Should().BeNull("the same client asks the same once more");
        Task<byte[]?> other = AskAsync(query, forwarder, IPAddress.Parse("10.244.1.3"));
        for (int i = 0; i < turns.Count + 1; i++)
        {
            (byte[] received, EndPoint from) = await ReceiveAsync();
            await _resolver.SendToAsync(Answered(received), SocketFlags.None, from);
        }

        (await other).Should().NotBeNull();
        (await Task.WhenAll(turns)).Should().NotContainNulls();
    }

    [Fact]
    public void Nothing_is_forwarded_to_an_address_where_names_are_answered_for()
    {
        var conf = NamesLab.Conf("pods", "10.244.0.0/16", isIsolated: true);
        _directory.Add(conf, conf.Names!, new NameTable(conf.Ipam.Ranges));
        _directory.SetServers(conf.Names!, [IPAddress.Parse("10.244.1.1")]);
        _dir.Write("resolv.conf", "nameserver 10.244.1.1\nnameserver 0.0.0.0\nnameserver nonsense\nnameserver 192.0.2.1\n");

        new HostResolvers(_directory, _dir.At("resolv.conf")).Servers.Should().Equal(IPAddress.Parse("192.0.2.1"));
    }

    [Fact]
    public async Task A_long_answer_is_truncated_over_udp_and_whole_over_tcp()
    {
        byte[] query = Packets.Query("example.org", DnsType.A);
        Task<byte[]?> asked = AskAsync(query);
        (byte[] received, EndPoint from) = await ReceiveAsync();
        await _resolver.SendToAsync((byte[])[.. Answered(received), .. new byte[1000]], SocketFlags.None, from);

        Reply truncated = new(await asked);
        (truncated.IsTruncated, truncated.Answers.Count).Should().Be((true, 0));

        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        listener.Listen();
        Task<byte[]?> overTcp = AskAsync(query, overTcp: true);
        using Socket connection = await listener.AcceptAsync(_end.Token);
        byte[] whole = Answered((await DnsStream.ReadAsync(connection, 4096, _end.Token))!);
        byte[] framed = [(byte)((whole.Length + 5000) >> 8), (byte)(whole.Length + 5000), .. whole, .. new byte[5000]];
        await DnsStream.WriteAsync(connection, framed, _end.Token);

        (await overTcp).Should().Equal([.. Answered(query), .. new byte[5000]]);
    }

    public void Dispose()
    {
        _resolver.Dispose();
        _end.Dispose();
        _dir.Dispose();
    }

    private static byte[] Answered(byte[] query)
    {
        byte[] answer = [.. query];
        answer[2] |= 0x80;
        return answer;
    }

    private Forwarder NewForwarder() => new(new HostResolvers(_directory, _dir.At("resolv.conf")), Port);

    private Task<byte[]?> AskAsync(byte[] query, Forwarder? forwarder = null, IPAddress? client = null, bool overTcp = false)
    {
        DnsQuery.Read(query, out DnsQuery read).Should().Be(DnsReading.Query);
        return (forwarder ?? NewForwarder()).AskAsync(query, read, client ?? s_client, overTcp, _end.Token);
    }

    private async Task<(byte[] Message, EndPoint From)> ReceiveAsync()
    {
        byte[] buffer = new byte[4096];
        SocketReceiveFromResult result = await _resolver.ReceiveFromAsync(
            buffer,
            SocketFlags.None,
            new IPEndPoint(IPAddress.Any, 0),
            _end.Token
        );
        return (buffer[..result.ReceivedBytes], result.RemoteEndPoint);
    }
}
