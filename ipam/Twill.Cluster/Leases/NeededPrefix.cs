using System.Net;

namespace Twill.Cluster;

/// <summary>Addresses that this host needs itself, so that no subnet of containers may have them.</summary>
/// <param name="Prefix">The addresses.</param>
/// <param name="Reason">What is there, in words: <c>192.168.50.0/24, the network of eth0</c>.</param>
public sealed record NeededPrefix(IPNetwork Prefix, string Reason);
