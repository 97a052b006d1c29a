using System.Net;

namespace Twill.Host.Forwarding;

/// <summary>
/// Packets of one kind on their way through this host, of a transport protocol and port that no rule names. What is null may be anything.
/// </summary>
/// <param name="Description">As the end of "drops packets ..".</param>
/// <param name="Iif">Interface they come in by.</param>
/// <param name="Oif">Interface they leave by.</param>
/// <param name="Source">Prefix of their source addresses.</param>
/// <param name="Destination">Prefix of their destination addresses.</param>
internal sealed record ProbePacket(string Description, Door? Iif, Door? Oif, IPNetwork? Source, IPNetwork? Destination)
{
    /// <summary>Whether they belong to a connection that the other side began.</summary>
    public bool IsAnswer { get; init; }

    /// <summary>Whether their destination was translated: to a published port.</summary>
    public bool IsTranslated { get; init; }

    /// <summary>The bridge that frames pass from port to port.</summary>
    public Door? Within { get; init; }
}

/// <summary>An interface, as rules may name it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Index">Its index; 0: not known, or it is not there yet.</param>
public sealed record Door(string Name, int Index = 0);
