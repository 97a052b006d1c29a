namespace Twill.Cluster;

/// <summary>The endpoints in the order to ask them: the one that answered last first, the others after it in the configured
/// order.</summary>
internal sealed class EtcdEndpoints : IDisposable
{
    private readonly EtcdEndpoint[] _all;
    private volatile int _preferred;

    public EtcdEndpoints(EtcdOptions options, EtcdConnections connections, EtcdResolver resolve)
    {
        if (options.Endpoints.Count == 0)
        {
            throw EtcdEndpoint.Bad("no etcd endpoint is given; expected at least one URL such as http://10.0.0.1:2379");
        }

        _all = new EtcdEndpoint[options.Endpoints.Count];
        for (int i = 0; i < _all.Length; i++)
        {
            _all[i] = new EtcdEndpoint(EtcdEndpoint.Parse(options.Endpoints[i]), options, connections, resolve);
        }
    }

    public EtcdEndpoint Preferred => _all[_preferred];

    /// <summary>All of them, the preferred one first.</summary>
    public EtcdEndpoint[] InOrder()
    {
        int first = _preferred;
        return [.. _all[first..], .. _all[..first]];
    }

    /// <summary>It is asked first from now on.</summary>
    public void Answered(EtcdMember member)
    {
        member.Endpoint.Prefer(member);
        _preferred = Array.IndexOf(_all, member.Endpoint);
    }

    /// <summary>A member failed outside of a call (its watch went silent): another one is asked first from now on.</summary>
    public void Failed(EtcdMember member)
    {
        if (member.Endpoint.Failed(member))
        {
            FailedAll(member.Endpoint);
        }
    }

    /// <summary>None of an endpoint's members can be used: the next endpoint is asked first.</summary>
    public void FailedAll(EtcdEndpoint endpoint)
    {
        int at = Array.IndexOf(_all, endpoint);
        if (_preferred == at)
        {
            _preferred = (at + 1) % _all.Length;
        }
    }

    /// <summary>Every call from now on connects anew.</summary>
    public void Disconnect()
    {
        foreach (EtcdEndpoint endpoint in _all)
        {
            endpoint.Disconnect();
        }
    }

    public void Dispose() => Disconnect();
}
