using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Cni.Tests;
using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Network.Tests.Configuration;

public sealed class TwillConfTests
{
    private static TwillConf Parse(string json) => TwillConf.Parse(Calls.Reader(json), BackendTable.All);

    [Fact]
    public void Every_key_is_read()
    {
        TwillConf conf = Parse(
            """
            {'cniVersion':'1.1.0','name':'blue','type':'twill','bridge':'br7','mtu':1400,'ipMasq':false,'hairpinMode':false,
             'isolated':false,'icc':false,
             'nonMasqueradeCIDRs':['10.0.0.0/8','fd00::/8'],'dns':{'nameservers':['10.0.0.53']},'runtimeConfig':{'Mac':'02:00:00:00:00:01'},
             'capabilities':{'mac':true},'someRuntimesKey':[1],
             'backend':{'type':'vxlan','vni':77,'port':8472,'directRouting':true,'interface':'eth*'},
             'ipam':{'type':'twill-ipam','network':'10.244.0.0/16','subnetLen':26,'subnetMin':'10.244.1.0','subnetMax':'10.244.9.192',
                'ipv6Network':'fc00:1::/48','ipv6SubnetLen':60,'ipv6SubnetMin':'fc00:1:0:10::','ipv6SubnetMax':'fc00:1:0:fff0::',
                'etcd':{'endpoints':['https://[fd00::1]:2379','http://etcd-2.example.org:2379/'],'prefix':'/coreos.com/network','caFile':'/etc/ca.pem',
                    'certFile':'/etc/c.pem','keyFile':'/etc/k.pem','username':'u','passwordFile':'/etc/pw'},
                'leaseTtl':60,'dataDir':'/data/','routes':[{'dst':'0.0.0.0/0'},{'dst':'10.9.0.0/16','gw':'10.244.0.9','mtu':1300}],
                'dns':{'search':['x.org']},'resolvConf':'/etc/resolv.conf'}}
            """
        );

        conf.Should()
            .BeEquivalentTo(
                new
                {
                    Name = "blue",
                    CniVersion = CniVersion.V1_1_0,
                    Type = "twill",
                    IsForeign = false,
                    Bridge = "br7",
                    Mtu = 1400,
                    IpMasq = false,
                    HairpinMode = false,
                    IsIsolated = false,
                    Icc = false,
                    NonMasqueradeCidrs = new[] { IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("fd00::/8") },
                }
            );
        conf.Dns.Nameservers.Should().Equal("10.0.0.53");
        conf.RuntimeConfig!["mac"].OptionalString().Should().Be("02:00:00:00:00:01");
        conf.Backend.Should().Be(new VxlanBackend(77, 8472, true) { Interface = "eth*" });
        conf.Backend.DeviceNames.Should().Equal("twill.77", "twill-v6.77");
        conf.Ipam.Should()
            .BeEquivalentTo(
                new
                {
                    Type = "twill-ipam",
                    IsForeign = false,
                    LeaseTtl = 60L,
                    DataDir = "/data",
                    ResolvConf = "/etc/resolv.conf",
                }
            );
        conf.Ipam.Families.Should()
            .Equal(
                new IpamFamily(AddressFamily.InterNetwork)
                {
                    Network = IPNetwork.Parse("10.244.0.0/16"),
                    SubnetLen = 26,
                    SubnetMin = IPAddress.Parse("10.244.1.0"),
                    SubnetMax = IPAddress.Parse("10.244.9.192"),
                },
                new IpamFamily(AddressFamily.InterNetworkV6)
                {
                    Network = IPNetwork.Parse("fc00:1::/48"),
                    SubnetLen = 60,
                    SubnetMin = IPAddress.Parse("fc00:1:0:10::"),
                    SubnetMax = IPAddress.Parse("fc00:1:0:fff0::"),
                }
            );
        conf.Ipam.Ranges.Should().Equal(IPNetwork.Parse("10.244.0.0/16"), IPNetwork.Parse("fc00:1::/48"));
        conf.Ipam.Routes.Should()
            .Equal(
                new CniRoute(IPNetwork.Parse("0.0.0.0/0")),
                new CniRoute(IPNetwork.Parse("10.9.0.0/16"), IPAddress.Parse("10.244.0.9"), 1300)
            );
        conf.Ipam.Dns.Search.Should().Equal("x.org");
        conf.Ipam.Etcd.Should()
            .BeEquivalentTo(
                new EtcdConf(
                    ["https://[fd00::1]:2379", "http://etcd-2.example.org:2379"],
                    "/coreos.com/network",
                    "/etc/ca.pem",
                    "/etc/c.pem",
                    "/etc/k.pem",
                    "u",
                    "/etc/pw"
                )
            );
    }

    [Fact]
    public void The_defaults_are_those_of_the_manual()
    {
        TwillConf conf = Parse(
            "{'name':'n','type':'twill','ipam':{'type':'twill-ipam','network':'10.244.0.0/16',"
                + "'etcd':{'endpoints':['http://127.0.0.1:2379']}}}"
        );

        (conf.Bridge, conf.Mtu, conf.IpMasq, conf.HairpinMode).Should().Be(("twill0", 0, true, true));
        (conf.IsIsolated, conf.Icc).Should().Be((true, true));
        conf.NonMasqueradeCidrs.Should().BeEmpty();
        conf.RuntimeConfig.Should().BeNull();
        conf.Backend.Should().Be(new VxlanBackend(1, 4789, false));
        (conf.Ipam.IPv4.SubnetLen, conf.Ipam.LeaseTtl, conf.Ipam.DataDir).Should().Be((24, 86_400, "/var/lib/cni/twill"));
        conf.Ipam.Etcd!.Prefix.Should().Be("/twill/n");
        conf.CniVersion.Should().Be(CniVersion.V0_1_0);
        conf.Ipam.IPv6.Should().BeNull();
    }

    [Fact]
    public void IPv6_comes_beside_IPv4_with_subnets_of_64_bits_unless_said_otherwise()
    {
        TwillConf conf = Parse(
            """
            {'name':'n','type':'twill','ipam':{'type':'twill-ipam','network':'10.244.0.0/16','ipv6Network':'fc00:1::/48','etcd':{'endpoints':['http://127.0.0.1:2379']}}}
            """
        );

        conf.Ipam.IPv6.Should()
            .Be(new IpamFamily(AddressFamily.InterNetworkV6) { Network = IPNetwork.Parse("fc00:1::/48"), SubnetLen = 64 });
        conf.Ipam.IPv4.Network.Should().Be(IPNetwork.Parse("10.244.0.0/16"));
    }

    [Fact]
    public void An_empty_string_means_not_set()
    {
        TwillConf conf = Parse(
            """
            {'name':'n','type':'twill','bridge':'','backend':{'type':'','interface':''},
             'ipam':{'type':'twill-ipam','network':'10.244.0.0/16','subnet':'','subnetMin':'','ipv6Network':'','ipv6Subnet':'','ipv6SubnetMin':'','ipv6Gateway':'','dataDir':'','resolvConf':'',
                'etcd':{'endpoints':['http://127.0.0.1:2379'],'prefix':'','caFile':'','certFile':'','keyFile':'','username':'','passwordFile':''}}}
            """
        );

        conf.Bridge.Should().Be("twill0");
        conf.Backend.Should().Be(new VxlanBackend(1, 4789, false));
        conf.Ipam.Etcd.Should()
            .BeEquivalentTo(
                new
                {
                    Prefix = "/twill/n",
                    CaFile = (string?)null,
                    Username = (string?)null,
                }
            );
    }

    [Fact]
    public void One_fixed_subnet_needs_no_backend()
    {
        TwillConf conf = Parse(
            """
            {'name':'n','type':'twill','ipam':{'type':'twill-ipam','subnet':'10.9.0.0/24','rangeStart':'10.9.0.10','rangeEnd':'10.9.0.20','gateway':'10.9.0.254'}}
            """
        );

        conf.Backend.Should().Be(new NoneBackend());
        conf.Ipam.Etcd.Should().BeNull();
        conf.Ipam.Families.Should().ContainSingle().Which.Family.Should().Be(AddressFamily.InterNetwork);
        conf.Ipam.IPv4.Fixed.Should()
            .Equal(
                new FixedRange(
                    IPNetwork.Parse("10.9.0.0/24"),
                    IPAddress.Parse("10.9.0.10"),
                    IPAddress.Parse("10.9.0.20"),
                    IPAddress.Parse("10.9.0.254")
                )
            );
    }

    [Fact]
    public void One_fixed_subnet_of_each_family()
    {
        TwillConf conf = Parse(
            """
            {'name':'n','type':'twill','ipam':{'type':'twill-ipam','subnet':'10.9.0.0/24','ipv6Subnet':'fd00:9::/64','ipv6RangeStart':'fd00:9::10',
                'ipv6RangeEnd':'fd00:9::ffff:ffff:ffff:ffff','ipv6Gateway':'fd00:9::1:1'}}
            """
        );

        conf.Ipam.IPv6!.Fixed.Should()
            .Equal(
                new FixedRange(
                    IPNetwork.Parse("fd00:9::/64"),
                    IPAddress.Parse("fd00:9::10"),
                    IPAddress.Parse("fd00:9::ffff:ffff:ffff:ffff"),
                    IPAddress.Parse("fd00:9::1:1")
                )
            );
        conf.Ipam.GatewayOf(IPNetwork.Parse("10.9.0.0/24")).Should().Be(IPAddress.Parse("10.9.0.1"));
        conf.Ipam.GatewayOf(IPNetwork.Parse("fd00:9::/64")).Should().Be(IPAddress.Parse("fd00:9::1:1"));
    }

    [Fact]
    public void Another_ipam_plugin_reads_its_section_itself()
    {
        TwillConf conf = Parse("{'name':'n','type':'twill','ipam':{'type':'host-local','ranges':[[{'subnet':'10.0.0.0/24'}]],'etcd':7}}");

        conf.Ipam.IsForeign.Should().BeTrue();
        conf.Backend.Should().Be(new NoneBackend());
    }

    [Fact]
    public void Under_another_main_plugin_only_its_ipam_section_is_ours()
    {
        TwillConf conf = TwillConf.ParseForIpam(
            Calls.Reader(
                """
                {'name':'n','type':'bridge','bridge':5,'mtu':'whatever','ipMasq':'x','runtimeConfig':3,'dns':4,
                 'ipam':{'type':'twill-ipam','network':'10.244.0.0/16','etcd':{'endpoints':['http://127.0.0.1:2379']}}}
                """
            ),
            BackendTable.All
        );

        conf.IsForeign.Should().BeTrue();
        conf.Backend.Should().Be(new NoneBackend());
        conf.Ipam.IPv4.Network.Should().Be(IPNetwork.Parse("10.244.0.0/16"));
    }

    [Fact]
    public void Each_kind_of_backend_has_its_defaults()
    {
        Backend("{'type':'vxlan'}").Should().Be(new VxlanBackend(1, 4789, false));
        Backend("{'type':'wireguard'}").Should().Be(new WireGuardBackend(51820));
        Backend("{'type':'wireguard','port':7,'persistentKeepalive':25}").Should().Be(new WireGuardBackend(7) { PersistentKeepalive = 25 });
        Backend("{'type':'host-gw','interface':'10.0.0.0/8'}").Should().Be(new HostGwBackend { Interface = "10.0.0.0/8" });
        Backend("{'type':'none'}").Should().Be(new NoneBackend());

        static BackendConf Backend(string section) =>
            Parse(
                "{'name':'n','type':'twill','backend':"
                    + section
                    + ",'ipam':{'type':'twill-ipam','network':'10.244.0.0/16',"
                    + "'etcd':{'endpoints':['http://127.0.0.1:2379']}}}"
            ).Backend;
    }

    [Fact]
    public void The_device_to_other_hosts_is_named_by_what_only_one_on_a_host_can_have()
    {
        new VxlanBackend(7, 4789, false).DeviceNames.Should().Equal("twill.7", "twill-v6.7");
        new WireGuardBackend(65535).TunnelName.Should().Be("twill-wg.65535").And.HaveLength(14, "the kernel takes 15");
    }

    [Fact]
    public void Del_reads_what_is_left_of_a_configuration_and_notes_every_complaint()
    {
        var complaints = new List<string>();
        ConfigReader broken = Calls
            .Reader(
                """
                {'name':'n','type':'twill','bridge':'a/b','mtu':5,'backend':{'vni':0,'colour':1},
                 'ipam':{'type':'twill-ipam','network':'10.244.0.1/16','dataDir':'/data','etcd':{'endpoints':[null]},'routes':[null]}}
                """
            )
            .Lenient(complaints);

        TwillConf conf = TwillConf.Parse(broken, BackendTable.All);

        conf.Ipam.Should().BeEquivalentTo(new { Type = "twill-ipam", DataDir = "/data" });
        conf.Bridge.Should().Be("twill0");
        complaints
            .Should()
            .Contain(c => c.StartsWith("$.bridge:"))
            .And.Contain(c => c.StartsWith("$.mtu:"))
            .And.Contain(c => c.StartsWith("$.backend.vni:"))
            .And.Contain(c => c.StartsWith("$.backend.colour:"))
            .And.Contain(c => c.StartsWith("$.ipam.network:"))
            .And.Contain(c => c.StartsWith("$.ipam.etcd.endpoints[0]:"))
            .And.Contain(c => c.StartsWith("$.ipam.routes[0]:"));
    }

    [Fact]
    public void Del_reads_a_configuration_of_which_nothing_is_left()
    {
        var complaints = new List<string>();

        TwillConf conf = TwillConf.Parse(Calls.Reader("{'name':'n','type':'twill'}").Lenient(complaints), BackendTable.All);

        conf.Ipam.Type.Should().BeEmpty();
        complaints.Should().Equal("$.ipam: expected an ipam section, got nothing");
    }
}
