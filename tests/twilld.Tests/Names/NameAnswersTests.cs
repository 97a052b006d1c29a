using System.Net;
using Twill.Agent.Names;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Tests.Names;

public sealed class NameAnswersTests
{
    private readonly NamesLab _lab = new();

    [Theory]
    [InlineData("web")]
    [InlineData("web.pods")]
    [InlineData("web.pods.twill.internal")]
    [InlineData("WEB.Pods.Twill.Internal")]
    public void A_name_is_found_in_its_short_forms_and_whole_whatever_its_case(string name)
    {
        _lab.Table.ReplaceLocal([NamesLab.Named("web", "10.244.1.2")]);

        Reply reply = _lab.Ask(name, DnsType.A);

        reply.Id.Should().Be(Packets.Id);
        reply.Question.Should().Be(name, "it is repeated as it was written (draft-vixie-dnsext-dns0x20)");
        (reply.Code, reply.IsAuthoritative, reply.IsTruncated).Should().Be((DnsCode.NoError, true, false));
        reply.Answers.Should().ContainSingle().Which.Should().Be(new Reply.Row(name, DnsType.A, 5, "10.244.1.2"));
    }

    [Fact]
    public void Several_of_a_name_are_all_answered_in_turn()
    {
        _lab.Table.ReplaceLocal([NamesLab.Named("web", "10.244.1.2"), NamesLab.Named("web", "10.244.1.3")]);
        _lab.Table.ReplaceRemote([NamesLab.Named("web", "10.244.2.2")]);

        List<string[]> asked = [.. Enumerable.Range(0, 3).Select(_ => _lab.Ask("web", DnsType.A).Data.ToArray())];

        asked.Should().AllSatisfy(all => all.Should().BeEquivalentTo("10.244.1.2", "10.244.1.3", "10.244.2.2"));
        asked.Select(all => all[0]).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void Those_on_hosts_that_do_not_answer_are_left_out_where_others_have_the_name()
    {
        NamedAddress near = NamesLab.Named("web", "10.244.1.2"),
            far = NamesLab.Named("web", "10.244.2.2");
        _lab.Table.ReplaceRemote([near, far, NamesLab.Named("db", "10.244.2.3")]);

        _lab.Table.Silent = [IPNetwork.Parse("10.244.2.0/24")];

        _lab.Ask("web", DnsType.A).Data.Should().Equal("10.244.1.2");
        _lab.Ask("db", DnsType.A).Data.Should().Equal(["10.244.2.3"], "it may be that only pings are lost");
        _lab.Table.Silent = [];
        _lab.Ask("web", DnsType.A).Answers.Should().HaveCount(2);
    }

    [Fact]
    public void What_a_name_has_not_is_no_data_and_what_is_not_there_is_no_name()
    {
        _lab.Table.ReplaceLocal([NamesLab.Named("web", "10.244.1.2")]);

        foreach (DnsType type in (DnsType[])[DnsType.Aaaa, DnsType.Srv, (DnsType)15, (DnsType)16, (DnsType)65])
        {
            Reply noData = _lab.Ask("web.pods.twill.internal", type);
            (noData.Code, noData.Answers.Count).Should().Be((DnsCode.NoError, 0));
            Reply.Row authority = noData.Authority.Should().ContainSingle().Which;
            (authority.Owner, authority.Type).Should().Be(("twill.internal", DnsType.Soa));
            _lab.Ask("web", type).Code.Should().Be(DnsCode.NoError);
        }

        foreach (string name in (string[])["db.pods.twill.internal", "web.others.twill.internal", "a.b.web.pods.twill.internal"])
        {
            Reply noName = _lab.Ask(name, DnsType.A);
            (noName.Code, noName.Answers.Count, noName.IsAuthoritative).Should().Be((DnsCode.NoSuchName, 0, true));
            noName.Authority.Should().ContainSingle();
        }
    }

    [Theory]
    [InlineData("db")]
    [InlineData("db.pods")]
    [InlineData("web.others")]
    [InlineData("example.org")]
    [InlineData("web.example.org")]
    [InlineData("xtwill.internal")]
    [InlineData("1.2.0.192.in-addr.arpa")]
    [InlineData("244.10.in-addr.arpa")]
    [InlineData("b._dns-sd._udp.example.org")]
    [InlineData("")]
    public void What_is_not_the_networks_is_for_the_hosts_resolvers(string name)
    {
        _lab.Table.ReplaceLocal([NamesLab.Named("web", "10.244.1.2")]);

        _lab.Verdict(name, DnsType.A).Should().Be(NameVerdict.Forward);
        _lab.Ask(name, DnsType.A, mayForward: false).Code.Should().Be(DnsCode.Refused, "the host itself knows whom to ask");
    }

    [Fact]
    public void Addresses_lead_back_to_all_their_names()
    {
        NamedAddress four = NamesLab.Named("web", "10.244.1.2");
        _lab.Table.ReplaceLocal([four, four with { Name = "front" }, NamesLab.Named("six", "fd00:1::2")]);

        string[] both = ["web.pods.twill.internal", "front.pods.twill.internal"];
        _lab.Ask("2.1.244.10.in-addr.arpa", DnsType.Ptr).Data.Should().BeEquivalentTo(both);
        _lab.Ask($"2.{string.Concat(Enumerable.Repeat("0.", 23))}1.0.0.0.0.0.d.f.ip6.arpa", DnsType.Ptr)
            .Data.Should()
            .Equal("six.pods.twill.internal");
        _lab.Ask("2.1.244.10.in-addr.arpa", DnsType.A).Answers.Should().BeEmpty();
        _lab.Ask("3.1.244.10.in-addr.arpa", DnsType.Ptr).Code.Should().Be(DnsCode.NoSuchName, "it is the network's, and nobody has it");
    }

    [Fact]
    public void Published_ports_are_services_whose_target_is_that_container()
    {
        NamedAddress one = NamesLab.Named("web", "10.244.1.2") with
        {
            Ports = [new NamedPort(IPProtocol.Tcp, 80), new NamedPort(IPProtocol.Udp, 53)],
        },
            other = NamesLab.Named("web", "10.244.1.3");
        _lab.Table.ReplaceLocal([one, other]);
        string target = $"{one.Id}.web.pods.twill.internal";

        _lab.Ask("web.pods.twill.internal", DnsType.Srv).Data.Should().BeEquivalentTo($"80 {target}", $"53 {target}");
        _lab.Ask("_tcp.web.pods.twill.internal", DnsType.Srv).Data.Should().Equal($"80 {target}");
        _lab.Ask("_53._udp.web.pods.twill.internal", DnsType.Srv).Data.Should().Equal($"53 {target}");
        _lab.Ask(target, DnsType.A).Data.Should().Equal("10.244.1.2");
        _lab.Ask("_tcp.web.pods.twill.internal", DnsType.A).Should().Match<Reply>(r => r.Code == DnsCode.NoError && r.Answers.Count == 0);
        _lab.Ask("_sctp.web.pods.twill.internal", DnsType.Srv).Code.Should().Be(DnsCode.NoSuchName);
        _lab.Ask("_81._tcp.web.pods.twill.internal", DnsType.Srv).Code.Should().Be(DnsCode.NoSuchName);
    }

    [Fact]
    public void The_zone_has_a_server_and_an_authority()
    {
        _lab.Ask("twill.internal", DnsType.Soa).Answers.Should().ContainSingle().Which.Owner.Should().Be("twill.internal");
        _lab.Ask("twill.internal", DnsType.Ns).Data.Should().Equal("ns.dns.twill.internal");
        _lab.Ask("pods.twill.internal", DnsType.A).Code.Should().Be(DnsCode.NoError, "there are names below it");
    }

    [Fact]
    public void Networks_see_the_names_of_those_that_let_them_in_and_no_others()
    {
        NameTable open = _lab.AddNetwork("open", "10.1.0.0/16", isIsolated: false),
            closed = _lab.AddNetwork("closed", "10.2.0.0/16", isIsolated: true);
        open.ReplaceLocal([NamesLab.Named("web", "10.1.0.5")]);
        closed.ReplaceLocal([NamesLab.Named("web", "10.2.0.5")]);

        _lab.Ask("web.open.twill.internal", DnsType.A).Data.Should().Equal("10.1.0.5");
        _lab.Ask("web.open", DnsType.A).Data.Should().Equal("10.1.0.5");
        _lab.Ask("5.0.1.10.in-addr.arpa", DnsType.Ptr).Data.Should().Equal("web.open.twill.internal");
        _lab.Ask("web.closed.twill.internal", DnsType.A).Code.Should().Be(DnsCode.NoSuchName);
        _lab.Verdict("web.closed", DnsType.A).Should().Be(NameVerdict.Forward);
        _lab.Verdict("5.0.2.10.in-addr.arpa", DnsType.Ptr).Should().Be(NameVerdict.Forward);
    }

    [Fact]
    public void What_does_not_fit_over_udp_is_truncated_and_whole_over_tcp()
    {
        _lab.Table.ReplaceRemote(Enumerable.Range(0, 500).Select(i => NamesLab.Named("web", $"10.244.{i / 250}.{i % 250}")));

        Reply small = _lab.Ask("web", DnsType.A),
            large = _lab.Ask("web", DnsType.A, udpSize: 4096),
            whole = _lab.Ask("web", DnsType.A, overTcp: true);

        small.IsTruncated.Should().BeTrue();
        _lab.Length.Should().BeGreaterThan(8000, "the last one was whole");
        small.Answers.Count.Should().BeInRange(25, 31);
        large.IsTruncated.Should().BeTrue("1232 octets fit into every packet, whatever a client says");
        large.Answers.Count.Should().BeInRange(70, 77);
        (whole.IsTruncated, whole.Answers.Count).Should().Be((false, 500));
    }

    [Fact]
    public void Opt_is_answered_with_opt_and_another_version_is_refused()
    {
        _lab.Table.ReplaceLocal([NamesLab.Named("web", "10.244.1.2")]);

        _lab.Ask("web", DnsType.A, udpSize: 1232).Additional.Should().ContainSingle().Which.Type.Should().Be(DnsType.Opt);

        byte[] query = Packets.Query("web", DnsType.A, udpSize: 1232);
        query[^5] = 1; // the version
        Reply refused = _lab.Ask(query);
        refused.Answers.Should().BeEmpty();
        (refused.Additional[0].Ttl >> 24).Should().Be(1, "BADVERS is 16: its high part is in OPT");
    }

    [Fact]
    public void A_name_leads_to_addresses_of_the_network_only()
    {
        _lab.Table.ReplaceRemote([NamesLab.Named("web", "192.0.2.1")]);

        _lab.Ask("web.pods.twill.internal", DnsType.A).Code.Should().Be(DnsCode.NoSuchName);
        _lab.Table.Current.Count.Should().Be(0);
    }

    [Fact]
    public void Single_changes_come_to_the_same_as_a_list()
    {
        Random random = new(7);
        NameTable single = new([IPNetwork.Parse("10.244.0.0/16")]),
            whole = new([IPNetwork.Parse("10.244.0.0/16")]);
        Dictionary<string, NamedAddress> all = [];
        for (int i = 0; i < 500; i++)
        {
            NamedAddress one = new($"n{random.Next(5)}", $"id{random.Next(20)}", IPAddress.Parse($"10.244.0.{random.Next(30)}"), []);
            bool goes = random.Next(3) == 0;
            single.ChangeRemote([(one.Key, goes ? null : one)]);
            if (!goes)
            {
                all[one.Key] = one;
            }
            else
            {
                all.Remove(one.Key);
            }
        }

        whole.ReplaceRemote(all.Values);

        single.Current.Count.Should().Be(all.Count).And.Be(whole.Current.Count);
        foreach (string name in all.Values.Select(one => one.Name).Distinct())
        {
            single.Current.Of(name).Should().BeEquivalentTo(whole.Current.Of(name));
        }

        single.ReplaceRemote([]);
        (single.Current.ByName.Count, single.Current.ByAddress.Count).Should().Be((0, 0));
    }

    [Fact]
    public void No_packet_of_100_000_breaks_it_and_each_answer_is_whole()
    {
        _lab.Table.ReplaceLocal([NamesLab.Named("web", "10.244.1.2"), NamesLab.Named("six", "fd00:1::2")]);
        byte[][] seeds =
        [
            Packets.Query("web", DnsType.A),
            Packets.Query("web.pods.twill.internal", DnsType.Any, 1232),
            Packets.Query("_tcp.web.pods.twill.internal", DnsType.Srv, 512),
            Packets.Query("2.1.244.10.in-addr.arpa", DnsType.Ptr),
            [.. Packets.Query("web", DnsType.A)[..12], 0xC0, 12, 0, 1, 0, 1], // a name that points at itself
        ];
        Random random = new(20260101);
        byte[] packet = new byte[600];
        int answered = 0;
        for (int i = 0; i < 100_000; i++)
        {
            byte[] seed = seeds[i % seeds.Length];
            seed.CopyTo(packet, 0);
            int length = random.Next(4) == 0 ? random.Next(packet.Length) : seed.Length;
            for (int change = random.Next(4); change > 0; change--)
            {
                packet[random.Next(Math.Max(1, length))] = (byte)random.Next(256);
            }

            if (_lab.Verdict(packet.AsSpan(0, length)) == NameVerdict.Answer)
            {
                answered++;
                _lab.Length.Should().BeLessThanOrEqualTo(DnsMessage.LargestUdp);
                if (i % 20 == 0)
                {
                    _ = new Reply(_lab.Room.AsSpan(0, _lab.Length));
                }
            }
        }

        answered.Should().BeGreaterThan(20_000);
        _lab.Ask("web", DnsType.A).Data.Should().Equal("10.244.1.2");
    }
}
