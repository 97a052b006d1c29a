using System.Net;

namespace Twill.Host.Reconcile;

/// <summary>An address that routes lead to on an overlay device.</summary>
/// <param name="Device">Name of the device.</param>
/// <param name="Address">The address.</param>
public readonly record struct OverlayHop(string Device, IPAddress Address);
