namespace Twill.Linux.Links;

/// <summary>What of a link's <c>net.ipv6.conf.LINK</c> decides whether the kernel believes in routers that announce themselves
/// there.</summary>
/// <param name="AcceptRA"><c>accept_ra</c>: 0 never, 1 unless the link forwards, 2 always.</param>
/// <param name="Autoconf"><c>autoconf</c>: addresses are made of announced prefixes.</param>
/// <param name="IsDisabled"><c>disable_ipv6</c>: there is no IPv6 at all.</param>
public readonly record struct LinkIPv6(int AcceptRA, bool Autoconf, bool IsDisabled);
