using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Cluster;

/// <summary>Looks up a host name: all of its addresses, in the order to try them. <see cref="Dns"/>, or a test's.</summary>
/// <exception cref="SocketException">There are none.</exception>
internal delegate Task<IPAddress[]> EtcdResolver(string host, CancellationToken cancel);

/// <summary>One configured URL. Several members may stand behind its name: each of its addresses is a member of its own. The name is
/// looked up when it is first needed, and again after one of its members failed.</summary>
internal sealed class EtcdEndpoint
{
    private readonly EtcdResolver _resolve;
    private readonly Lock _lock = new();
    private EtcdMember[] _members = [];
    private int _preferred;
    private bool _isStale = true;

    public EtcdEndpoint(Uri url, EtcdOptions options, EtcdConnections connections, EtcdResolver resolve)
    {
        (Url, Options, Connections, _resolve) = (url, options, connections, resolve);
        Name = url.GetLeftPart(UriPartial.Authority);
        if (IPAddress.TryParse(url.IdnHost, out IPAddress? address))
        {
            (_members, _isStale) = ([new EtcdMember(this, address, isOneOfSeveral: false)], false);
        }
    }

    public Uri Url { get; }

    public EtcdOptions Options { get; }

    public EtcdConnections Connections { get; }

    public bool IsTls => Url.Scheme == Uri.UriSchemeHttps;

    /// <summary>The endpoint as it is shown: scheme, host, port.</summary>
    public string Name { get; }

    /// <summary>How long a TCP connection and its TLS handshake may take: 2 seconds, or, when that is shorter, six tenths of a member's
    /// share of the call's limit, so that a member without connection is told from one that hangs, and passed over even by
    /// writes.</summary>
    public TimeSpan ConnectTimeout
    {
        get
        {
            TimeSpan most = Options.EffectiveCallTimeout * 0.6 / (Options.Endpoints.Count * Math.Max(1, _members.Length));
            return most < TimeSpan.FromSeconds(2) ? most : TimeSpan.FromSeconds(2);
        }
    }

    private bool IsName => Url.HostNameType is not (UriHostNameType.IPv4 or UriHostNameType.IPv6);

    /// <summary>Its members in the order to ask them.</summary>
    /// <param name="call">The call that they are for, as messages name it.</param>
    /// <param name="limit">How long a look-up may take.</param>
    /// <param name="cancel">Breaks off.</param>
    /// <exception cref="EtcdException">Unreachable: the name has no address, and had none before.</exception>
    public async Task<EtcdMember[]> MembersAsync(string call, TimeSpan limit, CancellationToken cancel)
    {
        if (InOrder() is { } known)
        {
            return known;
        }

        string problem;
        Exception cause;
        try
        {
            IPAddress[] addresses = await _resolve(Url.IdnHost, cancel).WaitAsync(limit, cancel).ConfigureAwait(false);
            if (addresses.Length > 0)
            {
                return Take(addresses);
            }

            throw new SocketException((int)SocketError.NoData);
        }
        catch (SocketException e)
        {
            (problem, cause) = ("cannot be resolved", e);
        }
        catch (TimeoutException e)
        {
            (problem, cause) = ($"was not resolved within {limit.TotalSeconds:0.##} s", e);
        }

        lock (_lock)
        {
            if (_members.Length > 0)
            {
                return [.. _members[_preferred..], .. _members[.._preferred]]; // a name server that fails does not undo what it said before
            }
        }

        throw new EtcdException(
            EtcdErrorKind.Unreachable,
            Name,
            $"{call} at {Name}: the host name '{Url.Host}' {problem}; check the endpoint or DNS",
            cause
        )
        {
            NotCarriedOut = true,
        };
    }

    /// <summary>It answered: it is asked first from now on.</summary>
    public void Prefer(EtcdMember member)
    {
        lock (_lock)
        {
            _preferred = Math.Max(0, Array.IndexOf(_members, member));
        }
    }

    /// <summary>The next member is preferred to this one. True when this was the last of them.</summary>
    public bool Failed(EtcdMember member)
    {
        lock (_lock)
        {
            _isStale = IsName;
            int at = Array.IndexOf(_members, member);
            if (at != _preferred)
            {
                return false;
            }

            _preferred = (at + 1) % _members.Length;
            return _preferred == 0;
        }
    }

    /// <summary>A call to one of its members failed: before the next one its name is looked up again.</summary>
    public void LookUpAgain()
    {
        lock (_lock)
        {
            _isStale = IsName;
        }
    }

    /// <summary>Every call from now on connects anew.</summary>
    public void Disconnect()
    {
        lock (_lock)
        {
            foreach (EtcdMember member in _members)
            {
                member.Dispose();
            }
        }
    }

    /// <summary>The URL of an endpoint, or a complaint that does not repeat a password.</summary>
    public static Uri Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps))
        {
            string shown = text.Contains('@', StringComparison.Ordinal) ? "a text with '@' in it" : $"'{text}'";
            throw Bad($"{shown} is not an etcd endpoint; expected http://host:port or https://host:port, such as http://10.0.0.1:2379");
        }
        if (uri.UserInfo != "")
        {
            throw Bad($"the endpoint of host {uri.Host} carries a user; put it into username and passwordFile instead");
        }

        if (uri.PathAndQuery is not ("/" or "") || uri.Fragment != "")
        {
            throw Bad(
                $"'{text}' is not an etcd endpoint: expected nothing after the port, such as {uri.GetLeftPart(UriPartial.Authority)}"
            );
        }

        return uri;
    }

    public static EtcdException Bad(string message) => new(EtcdErrorKind.Configuration, "", message);

    private EtcdMember[]? InOrder()
    {
        lock (_lock)
        {
            return _isStale ? null : [.. _members[_preferred..], .. _members[.._preferred]];
        }
    }

    private EtcdMember[] Take(IPAddress[] addresses)
    {
        lock (_lock)
        {
            EtcdMember? preferred = _members.Length > 0 ? _members[_preferred] : null;
            EtcdMember[] before = _members;
            List<EtcdMember> members = [];
            foreach (IPAddress address in addresses)
            {
                if (!members.Exists(member => member.Address.Equals(address)))
                {
                    members.Add(Array.Find(before, member => member.Address.Equals(address)) ?? New(address, addresses.Length > 1));
                }
            }

            _members = [.. members];
            _preferred = preferred is null ? 0 : Math.Max(0, Array.IndexOf(_members, preferred));
            _isStale = false;
            foreach (EtcdMember member in before)
            {
                if (!_members.Contains(member))
                {
                    member.Dispose();
                }
            }

            return [.. _members[_preferred..], .. _members[.._preferred]];
        }
    }

    private EtcdMember New(IPAddress address, bool isOneOfSeveral) => new(this, address, isOneOfSeveral);
}
