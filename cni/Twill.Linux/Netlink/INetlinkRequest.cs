namespace Twill.Linux.Netlink;

/// <summary>One message to the kernel: what a command like <c>ip link add ..</c> sends.</summary>
public interface INetlinkRequest
{
    /// <summary>The message type (nlmsg_type), e.g. RTM_NEWLINK; <see cref="NetlinkSocket.TypeOfFamily"/> where the kernel numbers at run
    /// time.</summary>
    static abstract ushort Type { get; }

    /// <summary>Flags besides NLM_F_REQUEST and NLM_F_ACK, which the socket sets.</summary>
    NetlinkFlags Flags { get; }

    /// <summary>
    /// Writes the family's header and the attributes. May be called again with more room when the first did not suffice, and must
    /// write the same each time.
    /// </summary>
    void Write(ref NetlinkWriter w);

    /// <summary>
    /// The shell command that asks the same of the kernel; where there is none, a comment (<c># ..</c>) that says what is asked.
    /// Secrets are not in it.
    /// </summary>
    /// <param name="names">Names of the links that the request has by number.</param>
    string ToCommand(CommandNames names);
}
