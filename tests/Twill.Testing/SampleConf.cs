using System.Text.Json.Nodes;

namespace Twill.Testing;

/// <summary>The sample configurations of conf/, with what differs from place to place put in.</summary>
public static class SampleConf
{
    /// <summary>conf/10-twill.conflist with this etcd.</summary>
    public static JsonObject Cluster(string etcdEndpoint) => WithEtcd("10-twill.conflist", etcdEndpoint);

    /// <summary>conf/10-twill-dual.conflist with this etcd.</summary>
    public static JsonObject Dual(string etcdEndpoint) => WithEtcd("10-twill-dual.conflist", etcdEndpoint);

    /// <summary>conf/10-twill-wireguard.conflist with this etcd.</summary>
    public static JsonObject WireGuard(string etcdEndpoint) => WithEtcd("10-twill-wireguard.conflist", etcdEndpoint);

    /// <summary>conf/10-twill-lan.conflist with this etcd.</summary>
    public static JsonObject Lan(string etcdEndpoint) => WithEtcd("10-twill-lan.conflist", etcdEndpoint);

    /// <summary>conf/10-twill-lan-routed.conflist as it is.</summary>
    public static JsonObject LanRouted() => Load("10-twill-lan-routed.conflist");

    /// <summary>conf/10-twill-single.conflist as it is.</summary>
    public static JsonObject Single() => Load("10-twill-single.conflist");

    /// <summary>The first plugin of a configuration list.</summary>
    public static JsonObject Plugin(this JsonObject conflist) => conflist["plugins"]![0]!.AsObject();

    /// <summary>The `ipam` section of the first plugin.</summary>
    public static JsonObject Ipam(this JsonObject conflist) => conflist.Plugin()["ipam"]!.AsObject();

    /// <summary>What a runtime sends to the first plugin: its configuration with `cniVersion` and `name` of the list.</summary>
    public static JsonObject ForPlugin(this JsonObject conflist)
    {
        JsonObject config = conflist.Plugin().DeepClone().AsObject();
        config["cniVersion"] = (string?)conflist["cniVersion"];
        config["name"] = (string?)conflist["name"];
        return config;
    }

    /// <summary>As <see cref="ForPlugin(JsonObject)"/>, with the result of the ADD, as CHECK and DEL get it.</summary>
    public static JsonObject ForPlugin(this JsonObject conflist, string prevResult)
    {
        JsonObject config = conflist.ForPlugin();
        config["prevResult"] = JsonNode.Parse(prevResult);
        return config;
    }

    private static JsonObject WithEtcd(string file, string etcdEndpoint)
    {
        JsonObject conf = Load(file);
        conf.Ipam()["etcd"]!["endpoints"] = new JsonArray(etcdEndpoint);
        return conf;
    }

    private static JsonObject Load(string file) => JsonNode.Parse(File.ReadAllText(Path.Combine(RepoPaths.Conf, file)))!.AsObject();
}
