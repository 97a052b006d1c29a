using Twill.Linux;
using Twill.Linux.Links;

namespace Twill.Host.Reconcile;

/// <summary>Names of links by index and back, each asked for once: good for one round, because links come and go.</summary>
public sealed class LinkNames(RouteSocket route)
{
    private readonly Dictionary<int, string> _names = [];
    private readonly Dictionary<string, int> _indexes = [];

    /// <summary>Takes note of a link that somebody has asked for already.</summary>
    public void Add(string name, int index) => (_names[index], _indexes[name]) = (name, index);

    /// <summary>The name; "#INDEX" when the link is gone.</summary>
    public string NameOf(int index)
    {
        if (!_names.TryGetValue(index, out string? name))
        {
            name = route.TryGetLink(index, out Link? link) ? link.Name : $"#{index}";
            _names[index] = name;
            _indexes[name] = index;
        }

        return name;
    }

    /// <summary>The index; 0 when there is no such link, and for no name.</summary>
    public int IndexOf(string name)
    {
        if (!_indexes.TryGetValue(name, out int index))
        {
            index = name.Length > 0 && route.TryGetLink(name, out Link? link) ? link.Index : 0;
            _indexes[name] = index;
        }

        return index;
    }
}
