using System.Collections;
using System.Net.Sockets;

namespace Twill.Host;

/// <summary>What there may be once for IPv4 and once for IPv6. Going through it gives what there is, IPv4's first.</summary>
/// <param name="V4">IPv4's; null for none.</param>
/// <param name="V6">IPv6's; null for none.</param>
public readonly record struct PerFamily<T>(T? V4, T? V6) : IEnumerable<T>
    where T : struct
{
    /// <summary>A family's; null for none.</summary>
    public T? this[AddressFamily family] => family == AddressFamily.InterNetworkV6 ? V6 : V4;

    /// <summary>The same with another value for one family.</summary>
    public PerFamily<T> With(AddressFamily family, T? value) =>
        family == AddressFamily.InterNetworkV6 ? this with { V6 = value } : this with { V4 = value };

    /// <summary>How many there are.</summary>
    public int Count => (V4.HasValue ? 1 : 0) + (V6.HasValue ? 1 : 0);

    /// <summary>What there is, a family's own first.</summary>
    public IEnumerable<T> From(AddressFamily first) => first == AddressFamily.InterNetworkV6 ? new PerFamily<T>(V6, V4) : this;

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator()
    {
        if (V4 is { } v4)
        {
            yield return v4;
        }

        if (V6 is { } v6)
        {
            yield return v6;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
