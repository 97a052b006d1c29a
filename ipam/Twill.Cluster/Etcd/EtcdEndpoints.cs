namespace Twill.Cluster;

/// <summary>The endpoints in the order to ask them: the one that answered last first, the others after it in the configured
/// order.</summary>
internal sealed class EtcdEndpoints
{
    private readonly Uri[] _all;
    private volatile int _preferred;

    public EtcdEndpoints(IReadOnlyList<string> endpoints)
    {
        if (endpoints.Count == 0)
        {
            throw Bad("no etcd endpoint is given; expected at least one URL such as http://10.0.0.1:2379");
        }

        _all = new Uri[endpoints.Count];
        for (int i = 0; i < _all.Length; i++)
        {
            _all[i] = Parse(endpoints[i]);
        }
    }

    public int Count => _all.Length;

    public Uri Preferred => _all[_preferred];

    /// <summary>The endpoint to ask as the <paramref name="attempt"/>-th, counted from 0, when <paramref name="first"/> was the
    /// first.</summary>
    public Uri At(int first, int attempt) => _all[(first + attempt) % _all.Length];

    public int First => _preferred;

    public void Answered(Uri endpoint) => _preferred = Array.IndexOf(_all, endpoint);

    /// <summary>An endpoint failed outside of a call (its watch went silent): ask another one first from now on.</summary>
    public void Failed(Uri endpoint)
    {
        int at = Array.IndexOf(_all, endpoint);
        if (_preferred == at)
        {
            _preferred = (at + 1) % _all.Length;
        }
    }

    /// <summary>The endpoint as it is shown: scheme, host, port.</summary>
    public static string Show(Uri endpoint) => endpoint.GetLeftPart(UriPartial.Authority);

    private static Uri Parse(string text)
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
            throw Bad($"'{text}' is not an etcd endpoint: expected nothing after the port, such as {Show(uri)}");
        }

        return uri;
    }

    private static EtcdException Bad(string message) => new(EtcdErrorKind.Configuration, "", message);
}
