using System.Net;
using Twill.Network.State;
using Twill.Testing;

namespace Twill.Ipam.Tests.Subnets;

/// <summary>Two hosts with one node id, and two networks with one prefix, as a runtime without an agent sees them.</summary>
[RequiresEtcd]
public sealed class DisputedTests(EtcdFixture fixture) : IClassFixture<EtcdFixture>, IDisposable
{
    private static int s_networks;
    private readonly EtcdServer _etcd = fixture.Server;
    private readonly string _prefix = $"/twill/disputed{Interlocked.Increment(ref s_networks)}";
    private readonly IpamBench _original = new(),
        _copy = new();

    [Fact]
    public void A_copy_of_a_host_gets_no_address_of_its_subnet_and_ADD_and_STATUS_name_both_hosts()
    {
        WriteNode(_original, "192.0.2.7");
        WriteNode(_copy, "192.0.2.8");
        string first = _original.Add(Config(_original));
        Cmd.Run("cp", ["-r", _original.DataDir, _copy.DataDir]).OrThrow();
        string key = _etcd.List($"{_prefix}/subnets/").Keys.Single();

        string second = _copy.Add(Config(_copy), "c2");

        second[..second.LastIndexOf('.')].Should().NotBe(first[..first.LastIndexOf('.')]);
        _etcd.Get(key).Should().Contain("192.0.2.7");
        foreach (IpamBench bench in (IpamBench[])[_original, _copy])
        {
            bench.Clock.Now += 61; // both must ask etcd
            CniAnswer add = bench.Run("ADD", Config(bench), "c3"),
                status = bench.Run("STATUS", Config(bench));
            (add.ErrorCode, status.ErrorCode).Should().Be((11, 50));
            foreach (CniAnswer answer in (CniAnswer[])[add, status])
            {
                answer.ErrorText.Should().Contain("192.0.2.7").And.Contain("192.0.2.8").And.Contain($"rm -f {bench.DataDir}/node-id");
            }
        }

        _etcd.Get(key).Should().Contain("192.0.2.7");
    }

    [Fact]
    public void A_host_that_publishes_another_of_its_addresses_after_a_reboot_has_its_subnet_back()
    {
        WriteNode(_original, "127.0.0.1");
        string first = _original.Add(Config(_original));
        _original.Clock.BootId = "boot-2";
        WriteNode(_original, "192.0.2.8");

        string second = _original.Add(Config(_original), "c2");

        second[..second.LastIndexOf('.')].Should().Be(first[..first.LastIndexOf('.')]);
        _etcd.List($"{_prefix}/subnets/").Values.Should().ContainSingle().Which.Should().Contain("192.0.2.8");
    }

    [Fact]
    public void A_second_network_with_the_prefix_of_the_first_is_refused_and_writes_nothing()
    {
        _original.Add(Config(_original));
        string other = Config(_original).Replace("\"name\":\"net\"", "\"name\":\"other\"", StringComparison.Ordinal);
        string before = _etcd.Etcdctl("get", "--prefix", _prefix, "-w", "fields").Split("\"Key\"", 2)[^1];

        CniAnswer add = _original.Run("ADD", other, "c2"),
            status = _original.Run("STATUS", other);

        (add.ErrorCode, status.ErrorCode).Should().Be((7, 50));
        add.ErrorText.Should().Contain(_prefix).And.Contain("'net'").And.Contain("ipam.etcd.prefix");
        status.ErrorText.Should().Contain(_prefix).And.Contain("'net'");
        _etcd.Etcdctl("get", "--prefix", _prefix, "-w", "fields").Split("\"Key\"", 2)[^1].Should().Be(before);
    }

    public void Dispose()
    {
        _original.Dispose();
        _copy.Dispose();
    }

    private string Config(IpamBench bench) =>
        bench.Leased(_etcd.Endpoint, ipam: ""","leaseTtl":60""", top: ""","type":"twill" """, prefix: _prefix);

    private static void WriteNode(IpamBench bench, string publicIP) =>
        new NodeFile
        {
            Network = "net",
            BootId = bench.Clock.BootId,
            BackendType = "vxlan",
            PublicIP = IPAddress.Parse(publicIP),
            Vni = 1,
            Port = 4789,
            VtepMac = "02:11:22:33:44:55",
        }.Write(bench.NetworkStateDir);
}
