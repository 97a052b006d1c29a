using System.Net;

namespace Twill.Agent.Names;

/// <summary>Who asks.</summary>
internal enum ClientRole
{
    /// <summary>A container of the network, on whichever host.</summary>
    Container,

    /// <summary>The host itself, which has resolvers of its own: only names of the network are answered.</summary>
    Host,
}

/// <summary>What the servers of one network have in common.</summary>
/// <param name="answers">Answers what is known here.</param>
/// <param name="forwarder">Asks the host's resolvers for the rest.</param>
/// <param name="table">The network's names.</param>
/// <param name="directory">Where names are answered for.</param>
/// <param name="figures">Counts.</param>
internal sealed class NameService(
    NameAnswers answers,
    Forwarder forwarder,
    NameTable table,
    NameDirectory directory,
    NameFigures figures
)
{
    internal NameAnswers Answers => answers;

    /// <summary>Who asks from an address; null: somebody who is not answered. What the host sends to an address of its own comes from that
    /// address.</summary>
    internal ClientRole? RoleOf(IPAddress from) =>
        IPAddress.IsLoopback(from) || directory.IsServer(from) ? ClientRole.Host
        : table.Covers(from) ? ClientRole.Container
        : null;

    /// <summary>The answer of the host's resolvers, or that there is none.</summary>
    internal async Task<byte[]> ForwardAsync(
        byte[] message,
        DnsQuery query,
        IPAddress from,
        bool overTcp,
        CancellationToken stop
    )
    {
        if (await forwarder.AskAsync(message, query, from, overTcp, stop).ConfigureAwait(false) is { } answer)
        {
            figures.Forwarded();
            return answer;
        }

        figures.Failed();
        byte[] room = new byte[DnsMessage.SmallUdp];
        int length = NameAnswers.Fail(query, message, room);
        return room[..length];
    }
}
