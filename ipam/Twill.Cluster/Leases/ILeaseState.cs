using System.Net;
using Twill.Network.State;

namespace Twill.Cluster;

/// <summary>What <see cref="LeaseManager"/> keeps on this host, shared by all processes that lease for it.</summary>
public interface ILeaseState
{
    /// <summary>Takes the network's lock, under which all of this is written.</summary>
    /// <exception cref="TimeoutException">Another process holds it.</exception>
    IDisposable Lock(TimeSpan timeout);

    /// <summary>Reads subnet.json; null when it is absent or not to be trusted, and then <paramref name="problem"/> says why.</summary>
    SubnetFile? Read(out string? problem);

    /// <summary>Replaces subnet.json.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    void Write(SubnetFile file);

    /// <summary>Whether any container of this boot has an address of the subnet.</summary>
    /// <exception cref="IOException">The records of addresses cannot be read.</exception>
    bool HasContainers(IPNetwork subnet);
}

/// <summary>The files of one network in <c>/run/twill</c> and <c>/var/lib/cni/twill</c>.</summary>
/// <param name="state">The network's directory of run-time state.</param>
/// <param name="dataDir">Where the records of addresses are.</param>
/// <param name="network">The network's name.</param>
/// <param name="bootId">This boot: no container outlived the one before.</param>
public sealed class LeaseStateFiles(NetworkStateDir state, string dataDir, string network, string bootId) : ILeaseState
{
    /// <inheritdoc/>
    public IDisposable Lock(TimeSpan timeout) => state.Lock(timeout);

    /// <inheritdoc/>
    public SubnetFile? Read(out string? problem) => SubnetFile.TryRead(state, out problem);

    /// <inheritdoc/>
    public void Write(SubnetFile file) => file.Write(state);

    /// <inheritdoc/>
    public bool HasContainers(IPNetwork subnet) =>
        AddressRecords.AnyIn(dataDir, network, subnet) && AddressRecords.InUse(dataDir, network, [subnet], bootId).Count > 0;
}
