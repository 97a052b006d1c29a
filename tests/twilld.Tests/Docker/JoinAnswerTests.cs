using System.Net;
using System.Text;
using System.Text.Json;
using Twill.Agent.Docker;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent.Tests.Docker;

/// <summary>What Docker is to do with an interface.</summary>
public sealed class JoinAnswerTests
{
    private static readonly CniRoute s_default = new(new IPNetwork(IPAddress.Any, 0));

    [Fact]
    public void Other_hosts_are_reached_also_where_another_network_has_the_default_route() =>
        Answer(TestNetwork.Conf, s_default)
            .Should()
            .Contain("""
                "Gateway":"10.244.7.1","StaticRoutes":[{"Destination":"10.244.0.0/16","RouteType":0,"NextHop":"10.244.7.1"}]
                """);

    [Fact]
    public void Routes_of_the_result_are_made_once() =>
        Answer(TestNetwork.Conf, new CniRoute(IPNetwork.Parse("10.244.0.0/16")))
            .Should()
            .Contain("""
                "StaticRoutes":[{"Destination":"10.244.0.0/16","RouteType":0,"NextHop":"10.244.7.1"}],"DisableGatewayService":true
                """);

    [Fact]
    public void Of_one_host_alone_there_is_no_way_to_others() =>
        Answer(TestNetwork.WithoutEtcd, s_default).Should().Contain("\"StaticRoutes\":[]").And.Contain("\"DstPrefix\":\"eth\"");

    private static string Answer(TwillConf conf, params CniRoute[] routes)
    {
        DockerEndpoint endpoint = new()
        {
            Network = "pods",
            Mac = DockerBench.Mac,
            BootId = "b",
            Since = 1,
            Config = "{}",
        };
        CniResult result = new() { Ips = [new CniIp(IPAddress.Parse("10.244.7.5"), 24, IPAddress.Parse("10.244.7.1"))], Routes = routes };
        using MemoryStream answer = new();
        using (Utf8JsonWriter w = new(answer))
        {
            w.WriteStartObject();
            JoinAnswer.Write(w, endpoint, conf, result);
            w.WriteEndObject();
        }

        return Encoding.UTF8.GetString(answer.ToArray());
    }
}
