using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.EndToEnd.Tests.Hostile;

/// <summary>Configurations that nobody would write by accident, for every verb, on both published plugins.</summary>
public sealed class InputTests(HostileBench bench, ITestOutputHelper output) : IClassFixture<HostileBench>
{
    private static readonly string[] s_verbs = ["ADD", "DEL", "CHECK", "GC", "STATUS"];

    private static readonly string s_deep = new('[', 100_000);

    /// <summary>Documents that cannot be decoded: code 6 for every verb.</summary>
    private static readonly (string What, byte[] Document)[] s_undecodable =
    [
        ("nothing", []),
        ("white space", " \t\r\n"u8.ToArray()),
        ("a NUL byte", [0]),
        ("NUL bytes after it", [.. "{}"u8, 0, 0]),
        ("a byte order mark", [0xef, 0xbb, 0xbf, .. "{}"u8]),
        ("UTF-16", Encoding.Unicode.GetBytes("{\"name\":\"n\"}")),
        ("invalid UTF-8", [.. "{\"name\":\""u8, 0xff, 0xc0, 0x80, .. "\"}"u8]),
        ("half a character", "{\"name\":\"\\ud800\"}"u8.ToArray()),
        ("a second document", "{\"name\":\"n\"}{}"u8.ToArray()),
        ("something after it", "{\"name\":\"n\"} x"u8.ToArray()),
        ("a list", "[]"u8.ToArray()),
        ("null", "null"u8.ToArray()),
        ("a number", "1e999999"u8.ToArray()),
        ("a cut document", "{\"name\":\"n\",\"ipam\":{"u8.ToArray()),
        ("a comment", "{/*x*/\"name\":\"n\"}"u8.ToArray()),
        ("a trailing comma", "{\"name\":\"n\",}"u8.ToArray()),
        ("nesting", Encoding.UTF8.GetBytes(s_deep)),
        ("nesting of objects", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 50_000)))),
        ("a control character in a string", "{\"name\":\"a\nb\"}"u8.ToArray()),
    ];

    [RequiresRootFact]
    public void What_cannot_be_decoded_is_code_6_for_every_verb_and_leaves_nothing()
    {
        foreach (string program in HostileBench.Plugins)
        {
            foreach (string verb in s_verbs)
            {
                foreach ((string what, byte[] document) in s_undecodable)
                {
                    CniAnswer answer = bench.Plugin(program, verb).Run(verb, document);
                    HostileBench.Judge(answer, $"{program} {verb}: {what}").Should().Be(6, $"{program} {verb}: {what}: {answer}");
                }
            }

            bench.TidyUp(program);
        }
    }

    /// <summary>Every member of a whole configuration in turn replaced by what it is not.</summary>
    [RequiresRootFact]
    public void A_value_of_another_type_at_any_place_is_an_error_or_ignored_and_leaves_nothing()
    {
        string[] strangers = ["null", "-1", "1e400", "\"\\u0000\"", "[null]", "[[]]", "{\"a\":null}"];
        int calls = 0;
        foreach (string program in HostileBench.Plugins)
        {
            foreach (string verb in s_verbs)
            {
                JsonObject whole = Whole(verb);
                foreach (string[] place in Places(whole))
                {
                    string stranger = strangers[calls++ % strangers.Length];
                    if (verb == "GC" && place is ["cni.dev/valid-attachments"] && stranger == "null")
                    {
                        continue; // libcni's way to write an empty list: nothing lives any more
                    }

                    string because = $"{program} {verb}: {string.Join('.', place)} = {stranger}";
                    CniAnswer answer = bench.Plugin(program, verb).Run(verb, With(whole, place, stranger));
                    int code = HostileBench.Judge(answer, $"{because}: {answer}");
                    if (verb == "DEL" && place[0] is not ("name" or "cniVersion"))
                    {
                        code.Should().BeOneOf([0, 7], $"{because}: {answer}");
                    }

                    if (verb == "ADD" && code == 0)
                    {
                        bench.Plugin(program).Del(whole.ToJsonString()).OrThrow();
                    }
                }

                bench.TidyUp($"{program} {verb}");
            }
        }

        Figures.Report("hostile values, published plugins", $"{calls:N0} calls, 0 crashes, nothing left", output);
    }

    [RequiresRootTheory]
    [InlineData("\"routes\":[null]", "$.ipam.routes[0]")]
    [InlineData("\"routes\":[{\"dst\":null}]", "$.ipam.routes[0].dst")]
    [InlineData("\"routes\":[{\"dst\":\"0.0.0.0/0\",\"mtu\":99999999999999999999}]", "$.ipam.routes[0].mtu")]
    [InlineData("\"routes\":{}", "$.ipam.routes")]
    [InlineData("\"rangeStart\":\"10.244.0.1\\u0000\"", "$.ipam.rangeStart")]
    [InlineData("\"dns\":{\"nameservers\":[null]}", "$.ipam.dns.nameservers[0]")]
    [InlineData("\"dns\":{\"search\":[7]}", "$.ipam.dns.search[0]")]
    [InlineData("\"dataDir\":\"/var/../../etc\"", "$.ipam.dataDir")]
    [InlineData("\"dataDir\":\"relative\"", "$.ipam.dataDir")]
    [InlineData("\"subnet\":\"10.9.0.0/24\"", "$.ipam.subnet")]
    public void A_null_in_a_list_a_number_beyond_bounds_or_a_key_given_twice_is_named_by_both_plugins(string member, string path)
    {
        string key = member[..member.IndexOf(':', StringComparison.Ordinal)];
        JsonObject config = bench.Config();
        if (key != "\"subnet\"")
        {
            config["ipam"]!.AsObject().Remove(key.Trim('"'));
        }

        string document = config.ToJsonString().Replace("\"subnet\":", $"{member},\"subnet\":", StringComparison.Ordinal);
        foreach (string program in HostileBench.Plugins)
        {
            CniAnswer answer = bench.Plugin(program).Add(document);
            HostileBench.Judge(answer, program).Should().Be(7, answer.ToString());
            answer.ErrorText.Should().Contain(path);
        }

        bench.TidyUp(path);
    }

    [RequiresRootFact]
    public void A_configuration_of_a_megabyte_is_served_and_one_of_seventeen_is_refused()
    {
        JsonObject large = bench.Config();
        large["args"] = new JsonObject { ["labels"] = new string('x', 1 << 20) };
        byte[] megabyte = Encoding.UTF8.GetBytes(large.ToJsonString());
        byte[] tooLarge = [.. "{\"name\":\""u8, .. Enumerable.Repeat((byte)'x', 17 << 20), .. "\"}"u8];
        foreach (string program in HostileBench.Plugins)
        {
            bench.Plugin(program).Run("ADD", megabyte).OrThrow();
            bench.Plugin(program).Run("DEL", megabyte).OrThrow();
            CniAnswer answer = bench.Plugin(program).Run("ADD", tooLarge);
            HostileBench.Judge(answer, program).Should().Be(6);
            answer.ErrorText.Should().Contain("16777216");
        }

        bench.TidyUp("a megabyte");
    }

    [RequiresRootFact]
    public void A_GC_with_ten_thousand_attachments_that_live_and_one_it_cannot_read_frees_nothing()
    {
        JsonObject config = bench.Config(verb: "GC");
        JsonArray valid = config["cni.dev/valid-attachments"]!.AsArray();
        for (int i = 0; i < 10_000; i++)
        {
            valid.Add(new JsonObject { ["containerID"] = $"container-{i}", ["ifname"] = "eth0" });
        }

        foreach (string program in HostileBench.Plugins)
        {
            bench.Plugin(program, "GC").Run("GC", config.ToJsonString()).OrThrow();
        }

        valid.Add(null);
        foreach (string program in HostileBench.Plugins)
        {
            CniAnswer answer = bench.Plugin(program, "GC").Run("GC", config.ToJsonString());
            HostileBench.Judge(answer, program).Should().Be(7);
            answer.ErrorText.Should().Contain("$['cni.dev/valid-attachments'][10001]");
        }

        bench.TidyUp("GC");
    }

    /// <summary>A configuration with everything in it that a runtime and an administrator may write.</summary>
    private JsonObject Whole(string verb)
    {
        JsonObject whole = bench.Config(verb: verb);
        whole["mtu"] = 1400;
        whole["hairpinMode"] = true;
        whole["nonMasqueradeCIDRs"] = new JsonArray("10.0.0.0/8");
        whole["runtimeConfig"] = JsonNode.Parse(
            """
            {"portMappings":[{"hostPort":18080,"containerPort":80,"protocol":"tcp","hostIP":""}],"ips":["10.244.0.77"],"mac":"02:00:00:00:00:77",
             "bandwidth":{"ingressRate":8000000,"ingressBurst":800000,"egressRate":8000000,"egressBurst":800000}}
            """
        );
        whole["args"] = JsonNode.Parse("""{"cni":{"ips":["10.244.0.77"],"mac":"02:00:00:00:00:77"}}""");
        whole["dns"] = JsonNode.Parse("""{"nameservers":["192.0.2.53"],"domain":"d","search":["s"],"options":["o"]}""");
        if (verb == "DEL")
        {
            whole["prevResult"] = JsonNode.Parse(bench.Base.Result);
        }

        return whole;
    }

    /// <summary>The path to every member and element, inner ones as well.</summary>
    private static IEnumerable<string[]> Places(JsonNode node)
    {
        IEnumerable<(string Step, JsonNode? Child)> children = node switch
        {
            JsonObject o => o.Select(m => (m.Key, m.Value)),
            JsonArray a => a.Select((child, i) => (i.ToString(CultureInfo.InvariantCulture), child)),
            _ => [],
        };
        foreach ((string step, JsonNode? child) in children)
        {
            yield return [step];
            if (child is null)
            {
                continue;
            }

            foreach (string[] below in Places(child))
            {
                yield return [step, .. below];
            }
        }
    }

    private static string With(JsonObject whole, string[] place, string value)
    {
        JsonNode copy = whole.DeepClone(),
            at = copy;
        foreach (string step in place[..^1])
        {
            at = at is JsonArray ? at[int.Parse(step, CultureInfo.InvariantCulture)]! : at[step]!;
        }

        const string Mark = "put the value here";
        if (at is JsonArray list)
        {
            list[int.Parse(place[^1], CultureInfo.InvariantCulture)] = Mark;
        }
        else
        {
            at[place[^1]] = Mark;
        }

        return copy.ToJsonString().Replace($"\"{Mark}\"", value, StringComparison.Ordinal);
    }
}
