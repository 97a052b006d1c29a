using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Ipam;

/// <summary>The directory of the address records is full, read-only, or holds what others put there: clear errors, and no container that
/// runs notices.</summary>
public sealed class BadStorageTests : IDisposable
{
    private const string Data = "/var/lib/cni/twill",
        Records = $"{Data}/twill";

    private readonly SingleHost _single = new();

    private LabHost Host => _single.Host;

    [RequiresRootTheory]
    [InlineData("size=64k", "cat /dev/zero >$DATA/filler 2>/dev/null", "No space left on device")]
    [InlineData("nr_inodes=16", "i=0; while touch $DATA/filler$i 2>/dev/null; do i=$((i+1)); done", "No space left on device")]
    [InlineData("size=64k", "mount -o remount,ro $DATA", "Read-only file system")]
    public void A_store_that_takes_no_record_gives_no_address_and_those_who_have_one_keep_it(string limit, string fill, string reason)
    {
        Host.Sh($"mkdir -p {Data}; mount -t tmpfs -o {limit} none {Data}");
        LabContainer running = Host.AddContainer("running"),
            waiting = Host.NewContainer("waiting");
        string record = Host.Sh($"cat {Records}/{running.Address}");
        Host.Sh($"DATA={Data}; {fill}; true");
        IReadOnlyList<string> before = Leftovers.Of(Host);

        for (int i = 0; i < 3; i++)
        {
            CniAnswer refused = Host.Plugin("twill", waiting).Add(_single.Config);
            refused.ErrorCode.Should().Be(5, refused.ToString());
            refused.ErrorText.Should().Contain(reason).And.Contain(Records);
        }

        JsonObject status = _single.Conf.ForPlugin();
        status["cniVersion"] = "1.1.0";
        foreach (string program in (string[])["twill", "twill-ipam"])
        {
            CniAnswer answer = Host.Plugin(program).Run("STATUS", status.ToJsonString());
            answer.ErrorCode.Should().Be(50, answer.ToString());
            answer.ErrorText.Should().Contain(reason).And.Contain(Records);
        }

        Host.Run("/opt/cni/bin/twill", "doctor").Stdout.Should().Contain(reason).And.Contain("no container can be added");
        Host.Run("/opt/cni/bin/twill", "status").Stdout.Should().Contain(reason).And.NotContain("all is well");

        using (Daemon agent = Host.StartAgent("--interval", "1", "--listen", "127.0.0.1:9117"))
        {
            Eventually.Pass(() => Health().Should().Contain(reason).And.Contain("no container can be added").And.EndWith("503"));
            Host.Sh($"mount -o remount,rw {Data}; rm -f {Data}/filler*");
            Eventually.Pass(() => Health().Should().Be("ok\n200"));
            agent.Stop();
            Host.Sh($"DATA={Data}; {fill}; true");
        }

        Leftovers.Of(Host).Should().BeEquivalentTo(before);
        Host.Sh($"cat {Records}/{running.Address}").Should().Be(record);
        running.CanPing(Lab.OutsideAddress).Should().BeTrue();
        Host.Cnitool("check", "twill", running).OrThrow();

        Host.Sh($"mount -o remount,rw {Data}; rm -f {Data}/filler*");
        Host.Plugin("twill").Run("STATUS", status.ToJsonString()).OrThrow();
        LabContainer.AddressOf(Host.Plugin("twill", waiting).Add(_single.Config).OrThrow().Stdout).Should().NotBe(running.Address);
    }

    private string Health() => Host.Sh("curl -s -w '%{http_code}' http://127.0.0.1:9117/healthz");

    [RequiresRootFact]
    public void A_del_frees_the_address_on_a_full_disk()
    {
        Host.Sh($"mkdir -p {Data}; mount -t tmpfs -o size=64k none {Data}");
        LabContainer running = Host.AddContainer("running");
        Host.Sh($"cat /dev/zero >{Data}/filler 2>/dev/null; true");

        Host.Cnitool("del", "twill", running).OrThrow();

        Leftovers.Of(Host).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_del_that_could_not_write_is_done_by_the_next_one()
    {
        Host.Sh($"mkdir -p {Data}; mount -t tmpfs none {Data}");
        LabContainer running = Host.NewContainer("running");
        running.Result = Host.Plugin("twill", running).Add(_single.Config).OrThrow().Stdout;
        Host.Sh($"mount -o remount,ro {Data}");

        CniAnswer failed = Host.Plugin("twill", running).Del(_single.Config);

        failed.ErrorCode.Should().Be(5);
        failed.ErrorText.Should().Contain("Read-only file system").And.Contain(Records);
        Leftovers.Links(Host).Should().BeEmpty("whatever else fails, the interface goes");
        Host.Sh($"mount -o remount,rw {Data}");
        Host.Plugin("twill", running).Del(_single.Config).OrThrow();
        Leftovers.Of(Host).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void What_others_put_there_costs_its_address_and_nothing_else()
    {
        LabContainer running = Host.AddContainer("running");
        Host.Sh(
            $"""
            cd {Records}; echo kept >/run/outside
            mkdir 10.244.0.3; echo x >10.244.0.3/y; echo junk >10.244.0.4; : >10.244.0.5; mkfifo 10.244.0.6; ln -s /run/outside 10.244.0.7; ln -s /nowhere 10.244.0.8
            mkdir notes; echo text >notes/readme; echo text >README; ln -s /run/outside new
            """
        );

        LabContainer[] containers = [.. Enumerable.Range(0, 4).Select(i => Host.NewContainer($"c{i}"))];
        string[] addresses =
        [
            .. containers.Select(c => LabContainer.AddressOf(Host.Plugin("twill", c).Add(_single.Config).OrThrow().Stdout)),
        ];

        addresses.Should().Equal("10.244.0.9", "10.244.0.10", "10.244.0.11", "10.244.0.12");
        foreach (LabContainer container in containers)
        {
            Host.Plugin("twill", container).Del(_single.Config).OrThrow();
        }

        Host.Sh("cat /run/outside").Should().Be("kept\n");
        Host.Sh($"cat {Records}/10.244.0.3/y {Records}/notes/readme {Records}/README {Records}/10.244.0.4")
            .Should()
            .Be("x\ntext\ntext\njunk\n");
        running.CanPing(Lab.OutsideAddress).Should().BeTrue();
        Host.Cnitool("check", "twill", running).OrThrow();
    }

    public void Dispose() => _single.Dispose();
}
