namespace Twill.Host;

/// <summary>Something on the host is not as the configuration needs it, and twill must not mend it by itself.</summary>
/// <param name="message">What is wrong, with its name and value, and what to do about it.</param>
public sealed class HostException(string message) : Exception(message);

/// <summary>What is to be made exists already, by an earlier request for the same.</summary>
/// <param name="message">What exists, and what to do about it.</param>
public sealed class AlreadyAttachedException(string message) : Exception(message);
