using System.Net;

namespace Twill.Agent.Names;

/// <summary>The host's resolvers, as <c>resolv.conf</c> names them. It is looked at again at most every half second.</summary>
/// <param name="directory">Where names are answered for: nothing is forwarded there.</param>
/// <param name="path">The file.</param>
internal sealed class HostResolvers(NameDirectory directory, string path = "/etc/resolv.conf")
{
    private const int Most = 3, // as resolv.conf(5)
        LongestFile = 64 << 10;

    private static readonly TimeSpan s_lookInterval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private IReadOnlyList<IPAddress> _servers = [];
    private long? _looked;

    /// <summary>The servers to ask, in their order; none when there are none.</summary>
    internal IReadOnlyList<IPAddress> Servers
    {
        get
        {
            lock (_lock)
            {
                if (_looked is not { } looked || TimeProvider.System.GetElapsedTime(looked) >= s_lookInterval)
                {
                    _looked = TimeProvider.System.GetTimestamp();
                    _servers = Read();
                }

                return _servers;
            }
        }
    }

    /// <summary>Reads the content of a resolv.conf.</summary>
    internal static List<IPAddress> Parse(string content)
    {
        List<IPAddress> servers = [];
        foreach (string line in content.Split('\n'))
        {
            string[] words = line.Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (
                words is ["nameserver", var text, ..]
                && servers.Count < Most
                && IPAddress.TryParse(text, out IPAddress? server)
                && !server.Equals(IPAddress.Any)
                && !server.Equals(IPAddress.IPv6Any)
            )
            {
                servers.Add(server);
            }
        }

        return servers;
    }

    private List<IPAddress> Read()
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            using StreamReader reader = new(file);
            char[] content = new char[LongestFile];
            int length = reader.ReadBlock(content, 0, content.Length);
            return Parse(new string(content, 0, length)).FindAll(server => !directory.IsServer(server));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
