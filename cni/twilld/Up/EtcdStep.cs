using System.Net;
using Twill.Cluster;
using Twill.Network.Configuration;

namespace Twill.Agent.Up;

/// <summary>Whether etcd answers as the agent will ask it, and which network it has.</summary>
internal static class EtcdStep
{
    private const string Name = "etcd",
        Reader = "preflight"; // a store wants to know whose it is, and this one writes nothing

    // What ProtectHome= of the agent's unit hides.
    private static readonly string[] s_hidden = ["/root/", "/home/", "/run/user/"];

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);

    /// <summary>What etcd said.</summary>
    /// <param name="Network">the network that it has; null: none yet</param>
    /// <param name="Members">the addresses that answered</param>
    /// <param name="Hosts">the addresses of the hosts that are in the network</param>
    internal sealed record Answer(NetworkConfig? Network, IReadOnlyCollection<IPAddress> Members, IReadOnlyList<IPAddress> Hosts);

    /// <summary>Asks it.</summary>
    /// <returns>null: it does not answer, or has no network that can be joined, which is told</returns>
    internal static async Task<Answer?> AskAsync(EtcdConf etcd, UpReport report, CancellationToken stop)
    {
        string file = FilesThatTheAgentCannotSee(etcd);
        if (file.Length > 0)
        {
            report.Tell(
                new Step(Name, StepState.Failed, $"the agent does not see {file}: its unit has ProtectHome=yes", "put it into /etc/twill")
            );
            return null;
        }

        try
        {
            using EtcdClient client = new(LeaseMapper.Options(etcd, s_limit));
            LeaseStore store = new(client, etcd.Prefix, Reader, static () => 0);
            NetworkConfig? network = await store.ReadConfigAsync(stop).ConfigureAwait(false);
            IReadOnlyList<NodeLease> leases = (await store.ListAsync(stop).ConfigureAwait(false)).Leases;
            string there = network is null
                ? "it has no network of this name yet"
                : $"the network is {string.Join(" and ", network.Ranges.Select(static range => range.Network))}, "
                    + $"{(leases.Count == 1 ? "1 subnet is" : $"{leases.Count} subnets are")} leased";
            report.Tell(new Step(Name, StepState.Ok, $"{string.Join(" and ", client.MemberAddresses)} answers; {there}"));
            IEnumerable<IPAddress> hosts = leases.SelectMany(static lease => AddressesOf(lease.Attributes)).Distinct();
            return new Answer(network, client.MemberAddresses, [.. hosts]);
        }
        catch (EtcdException e)
        {
            report.Tell(new Step(Name, StepState.Failed, e.Message, AdviceFor(e.Kind)));
        }
        catch (ClusterException e)
        {
            report.Tell(new Step(Name, StepState.Failed, e.Message, "correct that key, or take another --network"));
        }

        return null;
    }

    private static IEnumerable<IPAddress> AddressesOf(LeaseAttributes host) =>
        ((IPAddress?[])[host.PublicIP, host.PublicIPv6]).OfType<IPAddress>().Where(static address => !address.Equals(IPAddress.Any));

    private static string FilesThatTheAgentCannotSee(EtcdConf etcd) =>
        string.Join(
            ", ",
            ((string?[])[etcd.CaFile, etcd.CertFile, etcd.KeyFile, etcd.PasswordFile]).Where(static file => IsHidden(file ?? ""))
        );

    private static bool IsHidden(string file) => s_hidden.Any(directory => file.StartsWith(directory, StringComparison.Ordinal));

    private static string AdviceFor(EtcdErrorKind kind) =>
        kind switch
        {
            EtcdErrorKind.Unreachable or EtcdErrorKind.Timeout => "start etcd, open TCP port 2379 to this host, and have etcd listen on an "
                + "address that hosts reach: Debian's listens on 127.0.0.1 only (ETCD_LISTEN_CLIENT_URLS in /etc/default/etcd)",
            EtcdErrorKind.Tls => "--ca names who signed its certificate; --cert and --key are this host's, where etcd wants one",
            EtcdErrorKind.Unauthorized => "--user and --password-file, or --cert and --key, say who this host is in etcd",
            EtcdErrorKind.Denied => "give the user the rights that conf/README.md lists",
            EtcdErrorKind.Protocol => "--etcd wants etcd's client URL, which usually has port 2379",
            _ => "do what it says, then run the same command again",
        };
}
