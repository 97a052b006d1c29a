namespace Twill.Host.Backends;

/// <summary>What the configuration says about the backend.</summary>
/// <param name="Type">"vxlan", "host-gw", "wireguard" or "none".</param>
/// <param name="Vni">VXLAN network identifier, 1 to 16777215.</param>
/// <param name="Port">UDP port of VXLAN or WireGuard.</param>
/// <param name="DirectRouting">VXLAN only: hosts on the same link are reached by a plain route.</param>
public sealed record BackendOptions(string Type, uint Vni, ushort Port, bool DirectRouting);
