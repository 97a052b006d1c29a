using Twill.Cni;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Testing;

namespace Twill.Plugin.Tests.Capabilities;

/// <summary>Calls as a runtime makes them, with what it asks for besides the configuration. Single quotes stand for double ones.</summary>
internal static class Requests
{
    internal static CniRequest Add(string more, string args = "") =>
        CniRequest.Read(
            CniVerb.Add,
            new FakeCniProcess(
                $$"""{"cniVersion":"1.0.0","name":"net1","type":"twill","ipam":{"type":"twill-ipam","subnet":"10.1.0.0/24"}{{more.Replace('\'', '"')}}}""",
                ("CNI_COMMAND", "ADD"),
                ("CNI_CONTAINERID", "c1"),
                ("CNI_NETNS", "/run/netns/c1"),
                ("CNI_IFNAME", "eth0"),
                ("CNI_PATH", "/opt/cni/bin"),
                ("CNI_ARGS", args)
            ),
            out _
        );

    internal static TwillConf Conf(string more) => TwillConf.Parse(Add(more).Reader, BackendTable.All);
}
