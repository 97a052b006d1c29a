using System.Net;
using System.Net.Sockets;
using Twill.Host.Forwarding;
using Twill.Host.Ports;
using Twill.Linux.Nftables;
using Twill.Network.Configuration;

namespace Twill.Agent.Names;

/// <summary>
/// Keeps a <see cref="NameServer"/> at each gateway address of the network. It takes no port 53: a resolver of the host's that listens at
/// all addresses could not start any more. Who asks there is led to its port by the network's own table (<see cref="NameRedirect"/>).
/// </summary>
/// <param name="conf">The network.</param>
/// <param name="service">Answers.</param>
internal sealed class NameServers(TwillConf conf, NameService service) : IDisposable
{
    /// <summary>The same after a restart, so that clients' connections lead there still. Where it is taken, any that is free.</summary>
    private const int UsualPort = 8053;

    private static readonly TimeSpan s_lookInterval = TimeSpan.FromSeconds(5);

    private readonly List<NameServer> _servers = [];
    private long? _looked,
        _missing; // since when the network's table is
    private volatile bool _isTouched;
    private List<string> _unreachable = [];

    /// <summary>Where names are answered for.</summary>
    internal IReadOnlyList<IPAddress> Addresses => [.. _servers.Select(server => server.Address)];

    /// <summary>Has the rules looked at again: somebody changed the network's table.</summary>
    internal void LookAgain() => _isTouched = true;

    /// <summary>Opens and closes servers.</summary>
    /// <param name="gateways">Where they are to be.</param>
    /// <param name="failure">Why somebody is not answered; null: everybody is.</param>
    /// <returns>Whether their addresses changed.</returns>
    internal bool Ensure(IReadOnlyList<IPAddress> gateways, out string? failure)
    {
        foreach (NameServer broken in _servers.FindAll(server => server.Failure is not null))
        {
            throw new InvalidOperationException("a name server ended", broken.Failure);
        }

        List<NameServer> former = _servers.FindAll(server => !gateways.Contains(server.Address));
        foreach (NameServer server in former)
        {
            server.Dispose();
            _servers.Remove(server);
        }

        List<string> failures = [];
        bool changed = former.Count > 0;
        foreach (IPAddress gateway in gateways.Where(gateway => !_servers.Exists(server => server.Address.Equals(gateway))))
        {
            if (TryOpen(gateway, out string why) is { } server)
            {
                _servers.Add(server);
                changed = true;
                _looked = null;
            }
            else
            {
                failures.Add($"nobody is answered at {gateway}: {why}");
            }
        }

        if (_isTouched || _looked is not { } looked || TimeProvider.System.GetElapsedTime(looked) >= s_lookInterval)
        {
            _isTouched = false;
            _looked = TimeProvider.System.GetTimestamp();
            _unreachable = FindUnreachable();
        }

        failures.AddRange(_unreachable);
        failure = failures.Count == 0 ? null : string.Join("; ", failures);
        return changed;
    }

    public void Dispose()
    {
        foreach (NameServer server in _servers)
        {
            server.Dispose();
        }

        _servers.Clear();
    }

    private NameServer? TryOpen(IPAddress gateway, out string why)
    {
        why = "";
        foreach (int port in (int[])[UsualPort, 0])
        {
            try
            {
                return new NameServer(gateway, port, service);
            }
            catch (SocketException e)
            {
                why = e.Message;
            }
        }

        return null;
    }

    /// <summary>Has the kernel lead to the servers' ports, and looks whether other programs' firewalls let anybody get there.</summary>
    /// <returns>Why somebody's question does not arrive; empty: it does.</returns>
    private List<string> FindUnreachable()
    {
        List<string> found = [];
        try
        {
            using NftSocket nft = NftSocket.Open();
            foreach (NameServer server in _servers)
            {
                if (NameRedirect.Ensure(nft, conf.Name, server.Address, (ushort)server.Port))
                {
                    _missing = null;
                }
                else if (TimeProvider.System.GetElapsedTime(_missing ??= TimeProvider.System.GetTimestamp()) > s_lookInterval)
                {
                    found.Add($"port 53 at {server.Address} does not lead to the agent's port {server.Port}: the network has no table");
                }
                else
                {
                    _looked = null; // it is about to be made
                }

                IPNetwork containers = conf.Ipam.Ranges.First(range => range.Contains(server.Address));
                NameTraffic traffic = new(conf.Bridge, containers, server.Address, (ushort)server.Port);
                found.AddRange(traffic.FindBlockingChains(nft).Select(chain => $"{chain.Text}; to let them through: {chain.Remedy}"));
            }
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            found.Add($"it is not known whether anybody can ask: {e.Message}");
        }

        return found;
    }
}
