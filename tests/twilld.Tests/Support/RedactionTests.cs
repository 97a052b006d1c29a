using Twill.Agent.Support;

namespace Twill.Agent.Tests.Support;

public sealed class RedactionTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(1, 32).Select(i => (byte)(i * 7))];

    [Fact]
    public void A_secret_of_this_host_is_left_out_in_each_way_of_writing_it()
    {
        Redaction redaction = new();
        redaction.Add(s_key);
        redaction.Add("correct horse\n"u8);

        redaction
            .Text($"a {Convert.ToBase64String(s_key)} b {Convert.ToHexStringLower(s_key)} c {Convert.ToHexString(s_key)} d correct horse.")
            .Should()
            .Be("a [left out] b [left out] c [left out] d [left out].");
    }

    [Fact]
    public void A_secret_of_few_characters_takes_no_words_apart()
    {
        Redaction redaction = new();
        redaction.Add("a\n"u8);

        redaction.Text("a banana").Should().Be("a banana");
    }

    [Theory]
    [InlineData("http://me:pw@host:2379/x", "http://[left out]@host:2379/x")]
    [InlineData("see https://token@host", "see https://[left out]@host")]
    [InlineData("http://host/a@b", "http://host/a@b")]
    [InlineData("mail me@host", "mail me@host")]
    public void Who_is_named_in_a_URL_is_left_out(string text, string expected) => new Redaction().Text(text).Should().Be(expected);

    [Theory]
    [InlineData("""{"password":"p"}""", false)]
    [InlineData("""{"a":[{"apiToken":{"x":"p"}}]}""", false)]
    [InlineData("""{"PrivateKey":"p"}""", false)]
    [InlineData("""{"passwordFile":"p","keyFile":"p"}""", true)]
    [InlineData("""{"hostPortInUse":"p"}""", true)]
    public void Of_a_configuration_the_values_of_keys_that_are_called_like_secrets_are_left_out(string json, bool isShown) =>
        new Redaction().Json(json).Contains("\"p\"").Should().Be(isShown);

    [Theory]
    [InlineData("password = hunter2")]
    [InlineData("")]
    [InlineData("{\"a\":\"\\ud800\"}")]
    public void What_is_no_JSON_is_not_shown(string text) =>
        new Redaction().Json(text).Should().StartWith("not shown").And.NotContain("hunter2");
}
