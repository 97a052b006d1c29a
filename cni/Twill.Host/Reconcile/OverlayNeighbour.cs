using Twill.Linux;

namespace Twill.Host.Reconcile;

/// <summary>The neighbour that stands for a remote host: `ip neigh replace ADDRESS lladdr MAC nud permanent proto 116`.</summary>
/// <param name="Mac">MAC address of the remote host's overlay device.</param>
/// <param name="Permanent">Whether the kernel keeps it without asking; twill makes no others but may find one that was changed.</param>
public readonly record struct OverlayNeighbour(MacAddress Mac, bool Permanent = true);
