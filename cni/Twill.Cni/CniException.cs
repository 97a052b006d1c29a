namespace Twill.Cni;

/// <summary>A failure that the runtime is told in the specification's form: a code, a short message, a longer explanation.</summary>
/// <param name="code">the specification's code, or one from 100 on</param>
/// <param name="msg">one short line that says what failed</param>
/// <param name="details">where, which value, what to do; may be empty</param>
/// <param name="cause">what was underneath</param>
public sealed class CniException(CniErrorCode code, string msg, string details = "", Exception? cause = null) : Exception(msg, cause)
{
    /// <summary>The error code.</summary>
    public CniErrorCode Code { get; } = code;

    /// <summary>The longer explanation; empty when there is none.</summary>
    public string Details { get; } = details;

    /// <summary>Message and details as runtimes print them: <c>msg; details</c>.</summary>
    public string Text => Details.Length == 0 ? Message : $"{Message}; {Details}";
}
