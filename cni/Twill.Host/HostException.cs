namespace Twill.Host;

/// <summary>Something on the host is not as the configuration needs it, and twill must not mend it by itself.</summary>
/// <param name="message">What is wrong, with its name and value, and what to do about it.</param>
public class HostException(string message) : Exception(message);

/// <summary>The container has another interface of the name that its interface is to have.</summary>
/// <param name="message">Which one.</param>
public sealed class InterfaceExistsException(string message) : HostException(message);

/// <summary>A container's address can only be reached by a route, and the host has no address in its subnet.</summary>
/// <param name="message">Which one, and why.</param>
public sealed class NoGatewayException(string message) : HostException(message);

/// <summary>What is to be made exists already, by an earlier request for the same.</summary>
/// <param name="message">What exists.</param>
public sealed class AlreadyAttachedException(string message) : Exception(message);
