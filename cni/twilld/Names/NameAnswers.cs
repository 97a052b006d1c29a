using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Names;

/// <summary>What is to be done about a query.</summary>
internal enum NameVerdict
{
    /// <summary>Nothing: it is no query.</summary>
    Drop,

    /// <summary>The answer is written.</summary>
    Answer,

    /// <summary>It is for the host's resolvers.</summary>
    Forward,
}

/// <summary>
/// Answers queries for the names of a network, from memory. <c>web.NETWORK.ZONE</c> is answered for as the one who knows: a name that is
/// not there does not exist. The short forms <c>web</c> and <c>web.NETWORK</c> are answered for where there is such a name, and are the
/// host's resolvers' otherwise, for they may be names of the world. Addresses of the network lead back to names.
/// </summary>
/// <param name="conf">The network's names.</param>
/// <param name="directory">The names of all networks.</param>
/// <param name="figures">Counts.</param>
internal sealed class NameAnswers(NamesConf conf, NameDirectory directory, NameFigures figures)
{
    private uint _turn;

    /// <summary>Answers a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="overTcp">Whether the answer may have any length.</param>
    /// <param name="mayForward">Whether what is not known here may be asked elsewhere; not for the host itself, which knows whom to
    /// ask.</param>
    /// <param name="room">Where to write the answer; of <see cref="DnsMessage.Largest"/> octets over TCP.</param>
    /// <param name="length">The answer's octets.</param>
    /// <param name="query">The query.</param>
    internal NameVerdict Answer(
        ReadOnlySpan<byte> message,
        bool overTcp,
        bool mayForward,
        Span<byte> room,
        out int length,
        out DnsQuery query
    )
    {
        length = 0;
        DnsCode code;
        switch (DnsQuery.Read(message, out query))
        {
            case DnsReading.Nothing:
                return NameVerdict.Drop;
            case DnsReading.Malformed:
                code = DnsCode.FormatError;
                break;
            case DnsReading.OtherRequest:
                code = DnsCode.NotImplemented;
                break;
            default:
                code =
                    query.OptVersion > 0 ? DnsCode.BadVersion
                    : query.Class != DnsMessage.ClassIn ? DnsCode.Refused
                    : DnsCode.NoError;
                break;
        }

        DnsReply reply = new(query, message, room, overTcp ? DnsMessage.Largest : Math.Max(query.UdpSize, DnsMessage.SmallUdp));
        if (code != DnsCode.NoError)
        {
            figures.Refused();
            length = reply.End(code, isAuthoritative: false);
            return NameVerdict.Answer;
        }

        if (TryAnswer(query, ref reply, out bool exists, out bool found))
        {
            code = exists ? DnsCode.NoError : DnsCode.NoSuchName;
            figures.Answered(exists, found);
            length = reply.End(code, isAuthoritative: true);
            return NameVerdict.Answer;
        }

        if (mayForward)
        {
            return NameVerdict.Forward;
        }

        figures.Refused();
        length = reply.End(DnsCode.Refused, isAuthoritative: false);
        return NameVerdict.Answer;
    }

    /// <summary>Writes that the host's resolvers gave no answer.</summary>
    internal static int Fail(in DnsQuery query, ReadOnlySpan<byte> message, Span<byte> room) =>
        new DnsReply(query, message, room, DnsMessage.SmallUdp).End(DnsCode.ServerFailure, isAuthoritative: false);

    /// <returns>Whether it is answered here.</returns>
    private bool TryAnswer(in DnsQuery query, ref DnsReply reply, out bool exists, out bool found)
    {
        (exists, found) = (false, false);
        if (query.Name is not { } name)
        {
            return false;
        }

        if (IsBelow(name, conf.Zone, out string inZone))
        {
            AnswerInZone(query, inZone, ref reply, out exists, out found);
            return true;
        }

        if (ReverseName.TryParse(name, out IPAddress address))
        {
            return TryAnswerReverse(query.Type, address, ref reply, out exists, out found);
        }

        return TryAnswerShort(query.Type, name, ref reply, out exists, out found);
    }

    private void AnswerInZone(in DnsQuery query, string inZone, ref DnsReply reply, out bool exists, out bool found)
    {
        (exists, found) = (true, false);
        if (inZone.Length == 0)
        {
            if (query.Type is DnsType.Soa or DnsType.Any)
            {
                reply.AddAuthority(conf.Zone, isAnswer: true);
                found = true;
            }
            else if (query.Type == DnsType.Ns)
            {
                reply.AddServer(conf.Zone);
                found = true;
            }
        }
        else
        {
            int dot = inZone.LastIndexOf('.');
            string network = inZone[(dot + 1)..];
            if (directory.Find(network, conf) is not { } table)
            {
                exists = false;
            }
            else if (dot > 0)
            {
                found = Add(query.Type, table, $"{network}.{conf.Zone}", inZone[..dot], ref reply, out exists);
            }
        }

        if (!found && !reply.IsTruncated)
        {
            reply.AddAuthority(conf.Zone, isAnswer: false);
        }
    }

    /// <summary>A name of this network without its domain, or of one that it sees without the zone.</summary>
    private bool TryAnswerShort(DnsType type, string name, ref DnsReply reply, out bool exists, out bool found)
    {
        (exists, found) = (false, false);
        string network = conf.Network,
            label = name;
        int dot = name.IndexOf('.');
        if (dot > 0)
        {
            (label, network) = (name[..dot], name[(dot + 1)..]);
        }

        if (label.Length > 0 && directory.Find(network, conf) is { } table)
        {
            found = Add(type, table, $"{network}.{conf.Zone}", label, ref reply, out exists);
        }

        return exists;
    }

    /// <summary>An address outside of the networks that this one sees is not known here.</summary>
    private bool TryAnswerReverse(DnsType type, IPAddress address, ref DnsReply reply, out bool exists, out bool found)
    {
        (exists, found) = (false, false);
        if (directory.Find(address, conf) is not var (names, table))
        {
            return false;
        }

        ImmutableArray<NamedAddress> all = table.Current.Of(address);
        exists = !all.IsEmpty;
        found = exists && type is DnsType.Ptr or DnsType.Any;
        if (found)
        {
            foreach (NamedAddress one in all)
            {
                reply.AddPointer($"{one.Name}.{names.Domain}");
            }
        }

        return true;
    }

    /// <summary>Adds the records of a container's name, of one of several of that name (<c>ID.web</c>), or of its services
    /// (<c>_tcp.web</c>, <c>_80._tcp.web</c>).</summary>
    /// <returns>Whether there are any of the type.</returns>
    private bool Add(DnsType type, NameTable table, string domain, string labels, ref DnsReply reply, out bool exists)
    {
        string[] parts = labels.Split('.');
        ImmutableArray<NamedAddress> all = parts.Length <= 3 ? table.Reached(table.Current.Of(parts[^1])) : [];
        int? port = null;
        byte protocol = 0;
        if (parts.Length > 1 && parts[^2].StartsWith('_'))
        {
            bool isService =
                IPProtocol.TryParseTransport(parts[^2].AsSpan(1), out protocol) && (parts.Length == 2 || TryReadPort(parts[0], out port));
            all = isService ? [.. all.Where(one => PortsOf(one, protocol, port).Any())] : [];
            type = type is DnsType.Srv or DnsType.Any ? DnsType.Srv : 0; // services have no addresses
        }
        else if (parts.Length == 2)
        {
            all = [.. all.Where(one => one.Id == parts[0])];
        }
        else if (parts.Length > 2)
        {
            all = [];
        }

        exists = !all.IsEmpty;
        uint turn = all.Length > 1 ? Interlocked.Increment(ref _turn) : 0;
        bool found = false;
        for (int i = 0; i < all.Length; i++)
        {
            NamedAddress one = all[(int)((turn + (uint)i) % (uint)all.Length)];
            bool isIPv6 = one.Address.AddressFamily == AddressFamily.InterNetworkV6;
            if (type is DnsType.Any || type == (isIPv6 ? DnsType.Aaaa : DnsType.A))
            {
                reply.AddAddress(one.Address);
                found = true;
            }
            else if (type is DnsType.Srv)
            {
                foreach (NamedPort service in PortsOf(one, protocol, port))
                {
                    reply.AddService(service.Number, $"{one.Id}.{one.Name}.{domain}");
                    found = true;
                }
            }
        }

        return found;
    }

    private static IEnumerable<NamedPort> PortsOf(NamedAddress one, byte protocol, int? port) =>
        one.Ports.Where(p => (protocol == 0 || p.Protocol == protocol) && (port is null || p.Number == port));

    private static bool TryReadPort(string label, out int? port)
    {
        port = null;
        if (
            label.Length < 2
            || label[0] != '_'
            || !ushort.TryParse(label.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort number)
        )
        {
            return false;
        }

        port = number;
        return true;
    }

    private static bool IsBelow(string name, string zone, out string rest)
    {
        rest = "";
        if (!name.EndsWith(zone, StringComparison.Ordinal))
        {
            return false;
        }

        if (name.Length == zone.Length)
        {
            return true;
        }

        if (name[^(zone.Length + 1)] != '.')
        {
            return false;
        }

        rest = name[..^(zone.Length + 1)];
        return true;
    }
}
