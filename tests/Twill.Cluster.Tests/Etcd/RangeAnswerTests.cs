using System.Text;
using System.Text.Json;

namespace Twill.Cluster.Tests.Etcd;

public sealed class RangeAnswerTests
{
    private const string Two = """
        {"header":{"cluster_id":"14841639068965178418","revision":"42","extra":{"revision":"7","kvs":[1]}},
         "kvs":[{"key":"YQ==","create_revision":"2","mod_revision":"3","version":"1","value":"YWJj","lease":"77"},
                {"key":"Yg==","mod_revision":9,"more":{"key":"eA==","deep":[{"value":"eA=="}]},"value":null}],"count":"2"}
        """;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public void In_whatever_pieces_it_arrives_it_says_the_same(int piece)
    {
        RangeResult result = Read(Encoding.UTF8.GetBytes(Two), piece);

        result.Revision.Should().Be(42);
        result
            .Items.Select(i => (i.Key, i.Text, i.CreateRevision, i.ModRevision, i.Lease))
            .Should()
            .Equal(("a", "abc", 2, 3, 77), ("b", "", 0, 9, 0));
    }

    [Fact]
    public void A_value_larger_than_the_room_there_is_at_first_is_read_all_the_same()
    {
        byte[] value = new byte[300_000];
        new Random(1).NextBytes(value);
        string text = $$"""{"header":{"revision":"1"},"kvs":[{"key":"YQ==","value":"{{Convert.ToBase64String(value)}}"}]}""";

        Read(Encoding.UTF8.GetBytes(text), 10_000).Items.Should().ContainSingle().Which.Value.ToArray().Should().Equal(value);
    }

    [Fact]
    public void What_was_read_of_a_call_that_broke_is_forgotten()
    {
        RangeAnswer answer = new();
        answer.Begin();
        Encoding.UTF8.GetBytes(Two[..^30]).CopyTo(answer.Room);
        answer.Take(Two.Length - 30);

        Read(Encoding.UTF8.GetBytes("""{"header":{"revision":"5"}}"""), 10, answer).Should().BeEquivalentTo(new RangeResult([], 5));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("""{"header":{"revision":"1"}""")]
    [InlineData("""{"header":{"revision":"1"}} {}""")]
    [InlineData("""{"header":[],"kvs":[]}""")]
    [InlineData("""{"header":{"revision":{}}}""")]
    [InlineData("""{"header":{"revision":"x"}}""")]
    [InlineData("""{"header":{"revision":"0"}}""")]
    [InlineData("""{"header":{"revision":"1"},"kvs":7}""")]
    [InlineData("""{"header":{"revision":"1"},"kvs":{"key":"YQ=="}}""")]
    [InlineData("""{"header":{"revision":"1"},"kvs":[[]]}""")]
    [InlineData("""{"header":{"revision":"1"},"kvs":[null]}""")]
    [InlineData("""{"header":{"revision":"1"},"kvs":[{"key":"%"}]}""")]
    [InlineData("""{"header":{"revision":"1"},"kvs":[{"value":{}}]}""")]
    [InlineData("""{"header":{"revision":"1"},"kvs":[{"lease":"9999999999999999999"}]}""")]
    public void What_is_not_etcds_is_refused(string text)
    {
        Action read = () => Read(Encoding.UTF8.GetBytes(text), 5);

        read.Should().Throw<Exception>().Which.Should().Match(e => e is FormatException || e is JsonException);
    }

    private static RangeResult Read(byte[] text, int piece, RangeAnswer? answer = null)
    {
        answer ??= new RangeAnswer();
        answer.Begin();
        for (int at = 0; at < text.Length;)
        {
            int count = Math.Min(Math.Min(piece, text.Length - at), answer.Room.Length);
            text.AsMemory(at, count).CopyTo(answer.Room);
            answer.Take(count);
            at += count;
        }

        answer.Take(0);
        return answer.Result();
    }
}
