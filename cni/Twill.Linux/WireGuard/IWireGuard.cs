namespace Twill.Linux.WireGuard;

/// <summary>What runs a WireGuard device: the kernel, or a program in user space. <c>wg show</c> and <c>wg set</c>.</summary>
public interface IWireGuard : IDisposable
{
    /// <summary>The device as it is.</summary>
    /// <exception cref="IOException">There is no such device, or who runs it refused or does not answer.</exception>
    WireGuardDevice Get(string name);

    /// <summary>Changes the device. Nothing is changed for who is not named.</summary>
    /// <param name="change">What of the device; its peers are not looked at.</param>
    /// <param name="peers">Changes to peers, in this order.</param>
    /// <exception cref="IOException">There is no such device, or who runs it refused or does not answer.</exception>
    void Set(SetWireGuard change, IReadOnlyList<WireGuardPeerChange> peers);
}
