namespace Twill.Linux.Netlink;

/// <summary>Flags of a message header, NLM_F_* of linux/netlink.h. Some bits mean different things in different kinds of message.</summary>
[Flags]
public enum NetlinkFlags : ushort
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>NLM_F_REQUEST: to the kernel. Set on everything that is sent.</summary>
    Request = 0x01,

    /// <summary>NLM_F_MULTI: part of an answer that NLMSG_DONE ends.</summary>
    Multi = 0x02,

    /// <summary>NLM_F_ACK: answer also when all went well. Errors are answered in any case.</summary>
    Ack = 0x04,

    /// <summary>NLM_F_ECHO: send the resulting notification to the asker as well.</summary>
    Echo = 0x08,

    /// <summary>NLM_F_DUMP_INTR: the objects changed while they were listed; the list may lack some or hold some twice.</summary>
    DumpInterrupted = 0x10,

    /// <summary>NLM_F_DUMP_FILTERED: the kernel left out what the request did not ask for.</summary>
    DumpFiltered = 0x20,

    /// <summary>Get: NLM_F_DUMP, list all.</summary>
    Dump = 0x300,

    /// <summary>New: NLM_F_REPLACE, replace it when it exists.</summary>
    Replace = 0x100,

    /// <summary>New: NLM_F_EXCL, fail with EEXIST when it exists.</summary>
    Excl = 0x200,

    /// <summary>New: NLM_F_CREATE, make it when it does not exist.</summary>
    Create = 0x400,

    /// <summary>New: NLM_F_APPEND, add behind what exists.</summary>
    Append = 0x800,

    /// <summary>Delete: NLM_F_NONREC, only when it is empty.</summary>
    NonRecursive = 0x100,

    /// <summary>Delete: NLM_F_BULK, everything that matches.</summary>
    Bulk = 0x200,

    /// <summary>Answer: NLM_F_CAPPED, the request is not repeated in it.</summary>
    Capped = 0x100,

    /// <summary>Answer: NLM_F_ACK_TLVS, attributes with the kernel's own words follow.</summary>
    AckTlvs = 0x200,
}
