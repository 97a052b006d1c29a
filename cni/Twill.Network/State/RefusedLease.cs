namespace Twill.Network.State;

/// <summary>A key in etcd that leads to no host: it is no lease of the network, or its host cannot be reached by it.</summary>
/// <param name="Key">The key, of any length and with any characters.</param>
/// <param name="Reason">Why, as the end of the sentence "it does not count: ..".</param>
public readonly record struct RefusedLease(string Key, string Reason)
{
    /// <summary>As many are named; the others are counted.</summary>
    public const int Most = 100;
}
