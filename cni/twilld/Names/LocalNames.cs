using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Names;

/// <summary>
/// The names of this host's containers: what is on record of those whose host end is there. The directory of the records is watched, and
/// the kernel announces host ends that go, so that nothing is looked at but what changed.
/// </summary>
/// <param name="state">The network's directory.</param>
/// <param name="changed">Set when there is something to look at.</param>
internal sealed class LocalNames(NetworkStateDir state, AsyncSignal changed) : IDisposable
{
    private readonly NameRecords _records = new(state.NameRecordsPath);
    private readonly Dictionary<string, List<NamedAddress>> _named = []; // by host end
    private readonly Lock _lock = new();
    private HashSet<string> _touched = [];
    private bool _isAllTouched = true;
    private DirectoryWatch? _watch;

    /// <summary>The names.</summary>
    internal IEnumerable<NamedAddress> All => _named.Values.SelectMany(names => names);

    /// <summary>Takes a change in the kernel. From any thread.</summary>
    internal void Take(in NetworkChange change)
    {
        if (change is { Kind: NetworkChangeKind.Link, IsRemoval: true, Link: { } link } && DeviceNames.IsVeth(link.Name))
        {
            Touch(link.Name);
        }
        else if (change.Kind == NetworkChange.Everything.Kind)
        {
            Touch(null);
        }
    }

    /// <summary>Looks at everything next time.</summary>
    internal void TouchAll() => Touch(null);

    /// <summary>Looks at what changed.</summary>
    /// <returns>Whether there was something to look at.</returns>
    /// <exception cref="IOException">The directory cannot be watched, a record not be read, or the kernel not be asked.</exception>
    internal bool Refresh()
    {
        if (_watch is not { IsAlive: true })
        {
            _watch?.Dispose();
            _watch = null;
            StateDir.MakePrivate(state.NameRecordsPath);
            _watch = new DirectoryWatch(state.NameRecordsPath, Touch);
            Touch(null);
        }

        (HashSet<string> touched, bool all) = TakeTouched();
        if (touched.Count == 0 && !all)
        {
            return false;
        }

        using RouteSocket route = RouteSocket.Open();
        if (all)
        {
            HashSet<string> links = [.. route.ListLinks(kind: "veth").Select(link => link.Name)];
            _named.Clear();
            foreach (string hostName in _records.Owners())
            {
                Set(hostName, links.Contains(hostName));
            }
        }

        foreach (string hostName in touched)
        {
            Set(hostName, route.TryGetLink(hostName, out Link? _));
        }

        return true;
    }

    public void Dispose() => _watch?.Dispose();

    private void Set(string hostName, bool isThere)
    {
        _named.Remove(hostName);
        if (isThere && _records.Read(hostName) is { } record)
        {
            _named.Add(hostName, NamedAddress.Of(record));
        }
    }

    private void Touch(string? hostName)
    {
        lock (_lock)
        {
            if (hostName is null)
            {
                _isAllTouched = true;
            }
            else
            {
                _touched.Add(hostName);
            }
        }

        changed.Set();
    }

    private (HashSet<string> Touched, bool All) TakeTouched()
    {
        lock (_lock)
        {
            var taken = (_touched, _isAllTouched);
            (_touched, _isAllTouched) = ([], false);
            return taken;
        }
    }
}
