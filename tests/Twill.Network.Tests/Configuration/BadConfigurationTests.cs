using Twill.Cni;
using Twill.Cni.Tests;
using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Network.Tests.Configuration;

/// <summary>One wrong thing at a time in a good configuration: the complaint names path, expectation and value, with code 7, and with code
/// 2 when there is no such key.</summary>
public sealed class BadConfigurationTests
{
    private const string Etcd = "'etcd':{'endpoints':['http://127.0.0.1:2379']}";

    private static void Refuses(string json, string complaint)
    {
        CniException e = FluentActions
            .Invoking(() => TwillConf.Parse(Calls.Reader(json), BackendTable.All))
            .Should()
            .Throw<CniException>()
            .Which;
        e.Details.Should().Be(complaint);
        if (complaint.Contains("unknown key") || complaint.Contains("a subnet of one address"))
        {
            e.Code.Should().Be(CniErrorCode.UnsupportedField);
            e.Message.Should().StartWith($"unsupported field in the network configuration: {complaint[..complaint.IndexOf(": ")]}, value ");
            return;
        }

        e.Code.Should().Be(CniErrorCode.InvalidNetworkConfig);
        e.Message.Should().Be("invalid network configuration");
    }

    [Theory]
    [InlineData(
        "'bridge':'a/b'",
        "$.bridge: expected an interface name (expected no '/', ':', '%', white space or control character), got 'a/b'"
    )]
    [InlineData(
        "'bridge':'br%d'",
        "$.bridge: expected an interface name (expected no '/', ':', '%', white space or control character), got 'br%d'"
    )]
    [InlineData("'bridge':'sixteencharacter'", "$.bridge: expected an interface name (expected at most 15 bytes), got 'sixteencharacter'")]
    [InlineData("'bridge':7", "$.bridge: expected a string, got '7'")]
    [InlineData("'bridge':'twill.1'", "$.bridge: expected another name than the overlay device's (twill.1), got 'twill.1'")]
    [InlineData("'mtu':-1", "$.mtu: expected a whole number from 0 to 65535, got '-1'")]
    [InlineData("'mtu':575", "$.mtu: expected 0 (from the underlay) or a whole number from 576 to 65535, got '575'")]
    [InlineData("'mtu':65536", "$.mtu: expected a whole number from 0 to 65535, got '65536'")]
    [InlineData("'mtu':1400.5", "$.mtu: expected a whole number from 0 to 65535, got '1400.5'")]
    [InlineData("'mtu':1e999", "$.mtu: expected a whole number from 0 to 65535, got '1e999'")]
    [InlineData("'mtu':99999999999999999999", "$.mtu: expected a whole number from 0 to 65535, got '99999999999999999999'")]
    [InlineData("'mtu':'1400'", "$.mtu: expected a whole number from 0 to 65535, got '1400'")]
    [InlineData("'ipMasq':'true'", "$.ipMasq: expected true or false, got 'true'")]
    [InlineData("'ipMasq':1", "$.ipMasq: expected true or false, got '1'")]
    [InlineData("'isolated':1", "$.isolated: expected true or false, got '1'")]
    [InlineData("'icc':'no'", "$.icc: expected true or false, got 'no'")]
    [InlineData("'hairpinMode':[]", "$.hairpinMode: expected true or false, got a list")]
    [InlineData("'nonMasqueradeCIDRs':'10.0.0.0/8'", "$.nonMasqueradeCIDRs: expected a list, got '10.0.0.0/8'")]
    [InlineData("'nonMasqueradeCIDRs':[null]", "$.nonMasqueradeCIDRs[0]: expected a value, got null")]
    [InlineData("'nonMasqueradeCIDRs':['']", "$.nonMasqueradeCIDRs[0]: expected a prefix like 10.0.0.0/8, got ''")]
    [InlineData(
        "'nonMasqueradeCIDRs':['10.0.0.0/8','10.1.0.0']",
        "$.nonMasqueradeCIDRs[1]: expected an IP prefix like 10.244.0.0/16, got '10.1.0.0'"
    )]
    [InlineData(
        "'nonMasqueradeCIDRs':['10.0.0.1/8']",
        "$.nonMasqueradeCIDRs[0]: expected a prefix with no bits set beyond its length (here 10.0.0.0/8), got '10.0.0.1/8'"
    )]
    [InlineData("'runtimeConfig':[]", "$.runtimeConfig: expected an object, got a list")]
    [InlineData("'dns':5", "$.dns: expected an object, got '5'")]
    [InlineData("'backend':'vxlan'", "$.backend: expected an object, got 'vxlan'")]
    [InlineData("'backend':{'type':'vxlam'}", "$.backend.type: expected vxlan, host-gw, wireguard or none, got 'vxlam'")]
    [InlineData("'backend':{'type':'VXLAN'}", "$.backend.type: expected vxlan, host-gw, wireguard or none, got 'VXLAN'")]
    [InlineData(
        "'backend':{'vnni':1}",
        "$.backend.vnni: unknown key; known here: type, vni, port, directRouting, interface, persistentKeepalive"
    )]
    [InlineData("'backend':{'vni':1,'vni':2}", "$.backend.vni: the key is there twice")]
    [InlineData("'backend':{'vni':0}", "$.backend.vni: expected a whole number from 1 to 16777215, got '0'")]
    [InlineData("'backend':{'vni':16777216}", "$.backend.vni: expected a whole number from 1 to 16777215, got '16777216'")]
    [InlineData("'backend':{'port':0}", "$.backend.port: expected a whole number from 1 to 65535, got '0'")]
    [InlineData("'backend':{'port':65536}", "$.backend.port: expected a whole number from 1 to 65535, got '65536'")]
    [InlineData("'backend':{'directRouting':'yes'}", "$.backend.directRouting: expected true or false, got 'yes'")]
    [InlineData("'backend':{'type':'host-gw','vni':1}", "$.backend.vni: belongs to the vxlan backend, but backend.type is 'host-gw'")]
    [InlineData(
        "'backend':{'type':'host-gw','port':1}",
        "$.backend.port: belongs to the vxlan and wireguard backends, but backend.type is 'host-gw'"
    )]
    [InlineData(
        "'backend':{'type':'wireguard','persistentKeepalive':65536}",
        "$.backend.persistentKeepalive: expected a whole number from 0 to 65535, got '65536'"
    )]
    [InlineData(
        "'backend':{'type':'vxlan','persistentKeepalive':25}",
        "$.backend.persistentKeepalive: belongs to the wireguard backend, but backend.type is 'vxlan'"
    )]
    [InlineData(
        "'bridge':'twill-wg.51820','backend':{'type':'wireguard'}",
        "$.bridge: expected another name than the overlay device's (twill-wg.51820), got 'twill-wg.51820'"
    )]
    [InlineData(
        "'backend':{'type':'wireguard','directRouting':true}",
        "$.backend.directRouting: belongs to the vxlan backend, but backend.type is 'wireguard'"
    )]
    [InlineData(
        "'backend':{'type':'none','interface':'eth0'}",
        "$.backend.interface: belongs to backends that join hosts, but backend.type is 'none'"
    )]
    public void At_the_top_and_in_backend(string member, string complaint) =>
        Refuses($"{{'name':'n','type':'twill',{member},'ipam':{{'type':'twill-ipam','network':'10.244.0.0/16',{Etcd}}}}}", complaint);

    [Theory]
    [InlineData(
        "{'type':'twill','ipam':{'type':'x'}}",
        "$.name: expected a network name (expected a letter or digit, then letters, digits, '_', '.' or '-'), got nothing"
    )]
    [InlineData(
        "{'name':'node-id','type':'twill','ipam':{'type':'x'}}",
        "$.name: expected another name than node-id, which is a file of this host's in ipam.dataDir, got 'node-id'"
    )]
    [InlineData("{'name':'n','ipam':{'type':'x'}}", "$.type: expected the plugin's type, got nothing")]
    [InlineData(
        "{'name':'n','type':'/bin/sh','ipam':{'type':'x'}}",
        "$.type: expected the file name of a plugin, without a path, got '/bin/sh'"
    )]
    [InlineData("{'name':'n','type':'twill'}", "$.ipam: expected an ipam section, got nothing")]
    [InlineData("{'name':'n','type':'twill','ipam':null}", "$.ipam: expected an ipam section, got null")]
    [InlineData("{'name':'n','type':'twill','ipam':[]}", "$.ipam: expected an object, got a list")]
    [InlineData("{'name':'n','type':'twill','ipam':{}}", "$.ipam.type: expected the IPAM plugin's name, got nothing")]
    [InlineData(
        "{'name':'n','type':'twill','ipam':{'type':'../x'}}",
        "$.ipam.type: expected the file name of a plugin, without a path, got '../x'"
    )]
    [InlineData(
        "{'name':'n','type':'twill','ipam':{'type':'twill','subnet':'10.1.0.0/24'}}",
        "$.ipam.type: expected the name of an IPAM plugin: twill would run itself, without end, got 'twill'"
    )]
    [InlineData(
        "{'name':'n','type':'another','ipam':{'type':'another'}}",
        "$.ipam.type: expected the name of an IPAM plugin: another would run itself, without end, got 'another'"
    )]
    [InlineData(
        "{'name':'n','type':'twill','backend':{'type':'vxlan'},'ipam':{'type':'host-local'}}",
        "$.backend.type: expected none: hosts can be joined only when ipam leases subnets from etcd, got 'vxlan'"
    )]
    [InlineData(
        "{'name':'n','type':'twill','backend':{'type':'host-gw'},'ipam':{'type':'twill-ipam','subnet':'10.1.0.0/24'}}",
        "$.backend.type: expected none: hosts can be joined only when ipam leases subnets from etcd, got 'host-gw'"
    )]
    public void In_what_must_be_there(string json, string complaint) => Refuses(json, complaint);

    [Theory]
    [InlineData(
        "'network':'10.244.0.0/16'",
        "$.ipam: expected etcd (with network) to lease subnets, or subnet for one host alone, got neither"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','network':'10.0.0.0/8'," + Etcd,
        "$.ipam.subnet: expected either etcd or subnet, not both, got '10.1.0.0/24'"
    )]
    [InlineData(Etcd, "$.ipam.network: expected the cluster network, an IPv4 prefix like 10.244.0.0/16, got nothing")]
    [InlineData("'network':''," + Etcd, "$.ipam.network: expected the cluster network, an IPv4 prefix like 10.244.0.0/16, got ''")]
    [InlineData(
        "'network':'10.244.0.1/16'," + Etcd,
        "$.ipam.network: expected a prefix with no bits set beyond its length (here 10.244.0.0/16), got '10.244.0.1/16'"
    )]
    [InlineData("'network':'10.32.0.0/33'," + Etcd, "$.ipam.network: expected an IPv4 prefix like 10.244.0.0/16, got '10.32.0.0/33'")]
    [InlineData("'network':'10.244/16'," + Etcd, "$.ipam.network: expected an IPv4 prefix like 10.244.0.0/16, got '10.244/16'")]
    [InlineData("'network':'010.244.0.0/16'," + Etcd, "$.ipam.network: expected an IPv4 prefix like 10.244.0.0/16, got '010.244.0.0/16'")]
    [InlineData("'network':'fd00::/48'," + Etcd, "$.ipam.network: expected an IPv4 prefix like 10.244.0.0/16, got 'fd00::/48'")]
    [InlineData("'network':10," + Etcd, "$.ipam.network: expected an IPv4 prefix like 10.244.0.0/16, got '10'")]
    [InlineData(
        "'network':'127.0.0.0/8'," + Etcd,
        "$.ipam.network: expected a prefix of unicast addresses (not within 0.0.0.0/8, 127.0.0.0/8 or 224.0.0.0/3), got '127.0.0.0/8'"
    )]
    [InlineData(
        "'network':'0.0.0.0/0'," + Etcd,
        "$.ipam.network: expected a prefix of unicast addresses (not within 0.0.0.0/8, 127.0.0.0/8 or 224.0.0.0/3), got '0.0.0.0/0'"
    )]
    [InlineData(
        "'network':'239.0.0.0/16'," + Etcd,
        "$.ipam.network: expected a prefix of unicast addresses (not within 0.0.0.0/8, 127.0.0.0/8 or 224.0.0.0/3), got '239.0.0.0/16'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','subnetLen':16," + Etcd,
        "$.ipam.subnetLen: expected more than the network's 16 bits and at most 30, got '16'"
    )]
    [InlineData(
        "'network':'10.244.0.0/24'," + Etcd,
        "$.ipam.subnetLen: expected more than the network's 24 bits and at most 30, got '24' (the default)"
    )]
    [InlineData("'network':'10.244.0.0/16','subnetLen':31," + Etcd, "$.ipam.subnetLen: expected a whole number from 1 to 30, got '31'")]
    [InlineData(
        "'network':'10.244.0.0/16','subnetMin':'10.243.0.0'," + Etcd,
        "$.ipam.subnetMin: expected an address within 10.244.0.0/16, got '10.243.0.0'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','subnetMax':'10.244.1.1'," + Etcd,
        "$.ipam.subnetMax: expected the first address of a /24, got '10.244.1.1'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','subnetMin':'10.244.9.0','subnetMax':'10.244.8.0'," + Etcd,
        "$.ipam.subnetMax: expected an address not below subnetMin 10.244.9.0, got '10.244.8.0'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','subnetMin':'10.244.9.0/24'," + Etcd,
        "$.ipam.subnetMin: expected an IPv4 address, got '10.244.9.0/24'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','gateway':'10.244.0.1'," + Etcd,
        "$.ipam.gateway: belongs to a fixed subnet; with etcd every leased subnet has its own"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','rangeStart':'10.244.0.9'," + Etcd,
        "$.ipam.rangeStart: belongs to a fixed subnet; with etcd every leased subnet has its own"
    )]
    [InlineData("'network':'10.244.0.0/16','leaseTtl':1," + Etcd, "$.ipam.leaseTtl: expected a whole number from 2 to 31536000, got '1'")]
    [InlineData(
        "'network':'10.244.0.0/16','leaseTTL':60," + Etcd,
        "$.ipam.leaseTTL: unknown key; known here: type, network, subnetLen, subnetMin, subnetMax, etcd, leaseTtl, subnet, rangeStart, "
            + "rangeEnd, gateway, ipv6Network, ipv6SubnetLen, ipv6SubnetMin, ipv6SubnetMax, ipv6Subnet, ipv6RangeStart, ipv6RangeEnd, "
            + "ipv6Gateway, ranges, dataDir, routes, dns, resolvConf"
    )]
    public void In_ipam_with_etcd(string members, string complaint) =>
        Refuses($"{{'name':'n','type':'twill','ipam':{{'type':'twill-ipam',{members}}}}}", complaint);

    [Theory]
    [InlineData(
        "'subnet':'10.1.0.7/24'",
        "$.ipam.subnet: expected a prefix with no bits set beyond its length (here 10.1.0.0/24), got '10.1.0.7/24'"
    )]
    [InlineData("'subnet':'fd00::/64'", "$.ipam.subnet: expected an IPv4 prefix like 10.244.0.0/16, got 'fd00::/64'")]
    [InlineData(
        "'subnet':'224.0.0.0/24'",
        "$.ipam.subnet: expected a prefix of unicast addresses (not within 0.0.0.0/8, 127.0.0.0/8 or 224.0.0.0/3), got '224.0.0.0/24'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','network':'10.0.0.0/8'",
        "$.ipam.network: belongs to leases from etcd, but ipam has a fixed subnet"
    )]
    [InlineData("'subnet':'10.1.0.0/24','leaseTtl':60", "$.ipam.leaseTtl: belongs to leases from etcd, but ipam has a fixed subnet")]
    [InlineData(
        "'subnet':'10.1.0.0/24','rangeStart':'10.1.1.1'",
        "$.ipam.rangeStart: expected an address of a host in 10.1.0.0/24, got '10.1.1.1'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','rangeStart':'10.1.0.0'",
        "$.ipam.rangeStart: expected an address of a host in 10.1.0.0/24, got '10.1.0.0'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','rangeEnd':'10.1.0.255'",
        "$.ipam.rangeEnd: expected an address of a host in 10.1.0.0/24, got '10.1.0.255'"
    )]
    [InlineData("'subnet':'10.1.0.0/24','gateway':'10.1.0'", "$.ipam.gateway: expected an IPv4 address, got '10.1.0'")]
    [InlineData(
        "'subnet':'10.1.0.0/24','rangeStart':'10.1.0.9','rangeEnd':'10.1.0.8'",
        "$.ipam.rangeEnd: expected an address not below rangeStart 10.1.0.9, got '10.1.0.8'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','rangeStart':'10.1.0.1','rangeEnd':'10.1.0.1'",
        "$.ipam.rangeEnd: the range holds only the gateway's address 10.1.0.1"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','dataDir':'var/lib'",
        "$.ipam.dataDir: expected an absolute path without '.' or '..', got 'var/lib'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','dataDir':'//'",
        "$.ipam.dataDir: expected a directory of its own, whose folders are the networks', got '//'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','dataDir':'/var/../etc'",
        "$.ipam.dataDir: expected an absolute path without '.' or '..', got '/var/../etc'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','resolvConf':'resolv.conf'",
        "$.ipam.resolvConf: expected an absolute path without '.' or '..', got 'resolv.conf'"
    )]
    [InlineData("'subnet':'10.1.0.0/24','routes':[null]", "$.ipam.routes[0]: expected a value, got null")]
    [InlineData("'subnet':'10.1.0.0/24','routes':[{}]", "$.ipam.routes[0].dst: expected a prefix like 0.0.0.0/0, got nothing")]
    [InlineData(
        "'subnet':'10.1.0.0/24','routes':[{'dst':'10.1.2.3/16'}]",
        "$.ipam.routes[0].dst: expected a prefix with no bits set beyond its length (here 10.1.0.0/16), got '10.1.2.3/16'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','routes':[{'dst':'0.0.0.0/0','via':'10.1.0.1'}]",
        "$.ipam.routes[0].via: unknown key; known here: dst, gw, mtu, advmss, priority, table, scope"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','routes':[{'dst':'0.0.0.0/0','gw':'fd00::1'}]",
        "$.ipam.routes[0].gw: expected an address of the same family as dst 0.0.0.0/0, got 'fd00::1'"
    )]
    [InlineData("'subnet':'10.1.0.0/24','dns':{'nameservers':[7]}", "$.ipam.dns.nameservers[0]: expected an IP address, got '7'")]
    [InlineData("'ranges':{}", "$.ipam.ranges: expected a list, got an object")]
    [InlineData("'ranges':[{'subnet':'10.1.0.0/24'}]", "$.ipam.ranges[0]: expected a list, got an object")]
    [InlineData("'ranges':[[]]", """$.ipam.ranges[0]: expected a list of at least one range like {"subnet":"10.1.0.0/24"}, got a list""")]
    [InlineData("'ranges':[[{}]]", "$.ipam.ranges[0][0].subnet: expected a prefix like 10.1.0.0/24, got nothing")]
    [InlineData(
        "'ranges':[[{'subnet':'10.1.0.0/24','start':'10.1.0.9'}]]",
        "$.ipam.ranges[0][0].start: unknown key; known here: subnet, rangeStart, rangeEnd, gateway"
    )]
    [InlineData(
        "'ranges':[[{'subnet':'10.1.0.0/24','rangeStart':'10.1.1.9'}]]",
        "$.ipam.ranges[0][0].rangeStart: expected an address of a host in 10.1.0.0/24, got '10.1.1.9'"
    )]
    [InlineData(
        "'ranges':[[{'subnet':'10.1.0.0/24'},{'subnet':'fd00::/64'}]]",
        "$.ipam.ranges[0][1].subnet: fd00::/64 and 10.1.0.0/24 are of two families: each has a list of its own"
    )]
    [InlineData(
        "'ranges':[[{'subnet':'10.1.0.0/24'},{'subnet':'10.1.0.128/25'}]]",
        "$.ipam.ranges[0][1].subnet: 10.1.0.128/25 and 10.1.0.0/24 overlap"
    )]
    [InlineData(
        "'ranges':[[{'subnet':'10.1.0.0/24','rangeEnd':'10.1.0.9'},{'subnet':'10.1.0.0/24','rangeStart':'10.1.0.9'}]]",
        "$.ipam.ranges[0][1].subnet: two ranges of 10.1.0.0/24 overlap"
    )]
    [InlineData(
        "'subnet':'10.1.2.3/32'",
        "$.ipam.subnet: a subnet of one address has none for a gateway beside its container's: write the prefix that both are in, and "
            + "rangeStart and rangeEnd 10.1.2.3"
    )]
    [InlineData("'ranges':[[{'subnet':'10.1.0.0/24'}]]," + Etcd, "$.ipam.ranges: expected either etcd or ranges, not both, got a list")]
    public void In_ipam_with_a_fixed_subnet(string members, string complaint) =>
        Refuses($"{{'name':'n','type':'twill','ipam':{{'type':'twill-ipam',{members}}}}}", complaint);

    private const string Unicast6 = "expected a prefix of global or unique local unicast addresses (within 2000::/3 or fc00::/7)";

    [Theory]
    [InlineData(
        "'ipv6Network':'fc00:1::/48'",
        "$.ipam.network: expected an IPv4 prefix beside ipv6Network: there is no network of IPv6 alone, got nothing"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'10.0.0.0/8'",
        "$.ipam.ipv6Network: expected an IPv6 prefix like fc00:1::/48, got '10.0.0.0/8'"
    )]
    [InlineData("'network':'10.244.0.0/16','ipv6Network':7", "$.ipam.ipv6Network: expected an IPv6 prefix like fc00:1::/48, got '7'")]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'fc00:1::1/48'",
        "$.ipam.ipv6Network: expected a prefix with no bits set beyond its length (here fc00:1::/48), got 'fc00:1::1/48'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'fc00:1::%eth0/48'",
        "$.ipam.ipv6Network: expected an IPv6 prefix like fc00:1::/48, got 'fc00:1::%eth0/48'"
    )]
    [InlineData("'network':'10.244.0.0/16','ipv6Network':'fe80::/16'", "$.ipam.ipv6Network: " + Unicast6 + ", got 'fe80::/16'")]
    [InlineData("'network':'10.244.0.0/16','ipv6Network':'ff00::/8'", "$.ipam.ipv6Network: " + Unicast6 + ", got 'ff00::/8'")]
    [InlineData("'network':'10.244.0.0/16','ipv6Network':'::/0'", "$.ipam.ipv6Network: " + Unicast6 + ", got '::/0'")]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'::ffff:10.1.0.0/112'",
        "$.ipam.ipv6Network: " + Unicast6 + ", got '::ffff:10.1.0.0/112'"
    )]
    [InlineData("'network':'10.244.0.0/16','ipv6Network':'64:ff9b::/48'", "$.ipam.ipv6Network: " + Unicast6 + ", got '64:ff9b::/48'")]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'fc00:1::/64'",
        "$.ipam.ipv6SubnetLen: expected more than the network's 64 bits and at most 126, got '64' (the default)"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'fc00:1::/48','ipv6SubnetLen':48",
        "$.ipam.ipv6SubnetLen: expected more than the network's 48 bits and at most 126, got '48'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'fc00:1::/48','ipv6SubnetLen':127",
        "$.ipam.ipv6SubnetLen: expected a whole number from 1 to 126, got '127'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'fc00:1::/48','ipv6SubnetMin':'fc00:2::'",
        "$.ipam.ipv6SubnetMin: expected an address within fc00:1::/48, got 'fc00:2::'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'fc00:1::/48','ipv6SubnetMax':'fc00:1::1'",
        "$.ipam.ipv6SubnetMax: expected the first address of a /64, got 'fc00:1::1'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'fc00:1::/48','ipv6SubnetMin':'10.244.1.0'",
        "$.ipam.ipv6SubnetMin: expected an IPv6 address, got '10.244.1.0'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'fc00:1::/48','ipv6SubnetMin':'fc00:1:0:9::','ipv6SubnetMax':'fc00:1:0:8::'",
        "$.ipam.ipv6SubnetMax: expected an address not below ipv6SubnetMin fc00:1:0:9::, got 'fc00:1:0:8::'"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Network':'fc00:1::/48','ipv6Gateway':'fc00:1::1'",
        "$.ipam.ipv6Gateway: belongs to a fixed subnet; with etcd every leased subnet has its own"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Gateway':'fc00:1::1'",
        "$.ipam.ipv6Gateway: belongs to a fixed subnet; with etcd every leased subnet has its own"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6SubnetLen':64",
        "$.ipam.ipv6SubnetLen: has no use without ipv6Network, which gives containers IPv6 addresses"
    )]
    [InlineData(
        "'network':'10.244.0.0/16','ipv6Subnet':'fc00:1::/64'",
        "$.ipam.ipv6Subnet: expected either etcd or subnet, not both, got 'fc00:1::/64'"
    )]
    public void In_ipam_with_etcd_and_IPv6(string members, string complaint) =>
        Refuses($"{{'name':'n','type':'twill','ipam':{{'type':'twill-ipam',{members},{Etcd}}}}}", complaint);

    [Theory]
    [InlineData(
        "'ipv6Subnet':'fc00:1::/64'",
        "$.ipam.subnet: expected an IPv4 prefix beside ipv6Subnet: there is no network of IPv6 alone, got nothing"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','ipv6Subnet':'10.2.0.0/24'",
        "$.ipam.ipv6Subnet: expected an IPv6 prefix like fc00:1::/48, got '10.2.0.0/24'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','ipv6Subnet':'fc00:1::/128'",
        "$.ipam.ipv6Subnet: a subnet of one address has none for a gateway beside its container's: write the prefix that both are in, and "
            + "ipv6RangeStart and ipv6RangeEnd fc00:1::"
    )]
    [InlineData("'subnet':'10.1.0.0/24','ipv6Subnet':'fe80::/64'", "$.ipam.ipv6Subnet: " + Unicast6 + ", got 'fe80::/64'")]
    [InlineData(
        "'subnet':'10.1.0.0/24','ipv6Subnet':'fc00:1::/64','ipv6RangeStart':'fc00:1::'",
        "$.ipam.ipv6RangeStart: expected an address of a host in fc00:1::/64, got 'fc00:1::'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','ipv6Subnet':'fc00:1::/64','ipv6Gateway':'fc00:2::1'",
        "$.ipam.ipv6Gateway: expected an address of a host in fc00:1::/64, got 'fc00:2::1'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','ipv6Subnet':'fc00:1::/64','gateway':'fc00:1::1'",
        "$.ipam.gateway: expected an IPv4 address, got 'fc00:1::1'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','ipv6Subnet':'fc00:1::/64','ipv6RangeStart':'fc00:1::9','ipv6RangeEnd':'fc00:1::8'",
        "$.ipam.ipv6RangeEnd: expected an address not below ipv6RangeStart fc00:1::9, got 'fc00:1::8'"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','ipv6Subnet':'fc00:1::/64','ipv6RangeStart':'fc00:1::1','ipv6RangeEnd':'fc00:1::1'",
        "$.ipam.ipv6RangeEnd: the range holds only the gateway's address fc00:1::1"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','ipv6RangeEnd':'fc00:1::1'",
        "$.ipam.ipv6RangeEnd: has no use without ipv6Subnet, which gives containers IPv6 addresses"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','ipv6Network':'fc00:1::/48'",
        "$.ipam.ipv6Network: belongs to leases from etcd, but ipam has a fixed subnet"
    )]
    [InlineData(
        "'subnet':'10.1.0.0/24','ipv6Subnet':'fc00:1::/64','ipv6SubnetLen':64",
        "$.ipam.ipv6SubnetLen: belongs to leases from etcd, but ipam has a fixed subnet"
    )]
    public void In_ipam_with_a_fixed_subnet_of_IPv6(string members, string complaint) =>
        Refuses($"{{'name':'n','type':'twill','ipam':{{'type':'twill-ipam',{members}}}}}", complaint);

    private const string Url = "a URL like http://127.0.0.1:2379: http or https, host and port, nothing else";

    [Theory]
    [InlineData("{}", "$.ipam.etcd.endpoints: expected at least one URL like http://127.0.0.1:2379, got nothing")]
    [InlineData("{'endpoints':[]}", "$.ipam.etcd.endpoints: expected at least one URL like http://127.0.0.1:2379, got a list")]
    [InlineData("{'endpoints':'http://127.0.0.1:2379'}", "$.ipam.etcd.endpoints: expected a list, got 'http://127.0.0.1:2379'")]
    [InlineData("{'endpoints':['http://a:1',null]}", "$.ipam.etcd.endpoints[1]: expected a value, got null")]
    [InlineData("{'endpoints':['']}", "$.ipam.etcd.endpoints[0]: expected a URL like http://127.0.0.1:2379, got ''")]
    [InlineData("{'endpoints':['127.0.0.1:2379']}", "$.ipam.etcd.endpoints[0]: expected " + Url + ", got '127.0.0.1:2379'")]
    [InlineData("{'endpoints':['unix:///run/etcd']}", "$.ipam.etcd.endpoints[0]: expected " + Url + ", got 'unix:///run/etcd'")]
    [InlineData("{'endpoints':['http://127.0.0.1']}", "$.ipam.etcd.endpoints[0]: expected " + Url + ", got 'http://127.0.0.1'")]
    [InlineData(
        "{'endpoints':['http://root:hunter2@etcd:2379']}",
        "$.ipam.etcd.endpoints[0]: expected a URL like http://127.0.0.1:2379 without user and password: these belong into username and "
            + "passwordFile"
    )]
    [InlineData("{'endpoints':['http://:2379']}", "$.ipam.etcd.endpoints[0]: expected " + Url + ", got 'http://:2379'")]
    [InlineData("{'endpoints':['http://a:0']}", "$.ipam.etcd.endpoints[0]: expected " + Url + ", got 'http://a:0'")]
    [InlineData("{'endpoints':['http://a:65536']}", "$.ipam.etcd.endpoints[0]: expected " + Url + ", got 'http://a:65536'")]
    [InlineData("{'endpoints':'http://root:hunter2@etcd:2379'}", "$.ipam.etcd.endpoints: expected a list, got 'http://***@etcd:2379'")]
    [InlineData("{'endpoints':['http://a:2379/v3']}", "$.ipam.etcd.endpoints[0]: expected " + Url + ", got 'http://a:2379/v3'")]
    [InlineData("{'endpoints':['http://[10.0.0.1]:2379']}", "$.ipam.etcd.endpoints[0]: expected " + Url + ", got 'http://[10.0.0.1]:2379'")]
    [InlineData("{'endpoints':['http://fd00::1:2379']}", "$.ipam.etcd.endpoints[0]: expected " + Url + ", got 'http://fd00::1:2379'")]
    [InlineData("{'endpoints':['http://a b:2379']}", "$.ipam.etcd.endpoints[0]: expected " + Url + ", got 'http://a b:2379'")]
    [InlineData(
        "{'endpoints':['http://a:1'],'prefix':'twill'}",
        "$.ipam.etcd.prefix: expected a prefix like /twill/net: absolute, no empty part, no trailing slash, no white space, got 'twill'"
    )]
    [InlineData(
        "{'endpoints':['http://a:1'],'prefix':'/'}",
        "$.ipam.etcd.prefix: expected a prefix like /twill/net: absolute, no empty part, no trailing slash, no white space, got '/'"
    )]
    [InlineData(
        "{'endpoints':['http://a:1'],'prefix':'/twill/'}",
        "$.ipam.etcd.prefix: expected a prefix like /twill/net: absolute, no empty part, no trailing slash, no white space, got '/twill/'"
    )]
    [InlineData(
        "{'endpoints':['http://a:1'],'prefix':'/a//b'}",
        "$.ipam.etcd.prefix: expected a prefix like /twill/net: absolute, no empty part, no trailing slash, no white space, got '/a//b'"
    )]
    [InlineData(
        "{'endpoints':['https://a:1'],'certFile':'/c'}",
        "$.ipam.etcd.keyFile: expected a value, because certFile is set, got nothing"
    )]
    [InlineData(
        "{'endpoints':['https://a:1'],'keyFile':'/k'}",
        "$.ipam.etcd.certFile: expected a value, because keyFile is set, got nothing"
    )]
    [InlineData(
        "{'endpoints':['http://a:1'],'username':'u','passwordFile':''}",
        "$.ipam.etcd.passwordFile: expected a value, because username is set, got ''"
    )]
    [InlineData(
        "{'endpoints':['http://a:1'],'passwordFile':'/p'}",
        "$.ipam.etcd.username: expected a value, because passwordFile is set, got nothing"
    )]
    [InlineData(
        "{'endpoints':['http://a:1'],'passwordFile':'p','username':'u'}",
        "$.ipam.etcd.passwordFile: expected an absolute path without '.' or '..', got 'p'"
    )]
    [InlineData(
        "{'endpoints':['http://a:1'],'caFile':'/ca.pem'}",
        "$.ipam.etcd.caFile: '/ca.pem' has no use: every endpoint is http, expected at least one https endpoint"
    )]
    [InlineData(
        "{'endpoints':['http://a:1'],'password':'x'}",
        "$.ipam.etcd.password: unknown key; known here: endpoints, prefix, caFile, certFile, keyFile, username, passwordFile"
    )]
    [InlineData("7", "$.ipam.etcd: expected an object, got '7'")]
    public void In_etcd(string section, string complaint) =>
        Refuses($"{{'name':'n','type':'twill','ipam':{{'type':'twill-ipam','network':'10.244.0.0/16','etcd':{section}}}}}", complaint);

    [Fact]
    public void A_long_value_is_cut_where_it_is_quoted() =>
        Refuses(
            $"{{'name':'n','type':'twill','bridge':'{new string('x', 5000)}','ipam':{{'type':'x'}}}}",
            $"$.bridge: expected an interface name (expected at most 15 bytes), got '{new string('x', 100)}...'"
        );
}
