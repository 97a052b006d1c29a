namespace Twill.Cni;

/// <summary>Error codes of the CNI specification (SPEC section 5, "Error") and, from 100, twill's own.</summary>
public enum CniErrorCode : uint
{
    /// <summary>The configuration asks for a version (or for a verb of a version) that is not spoken.</summary>
    IncompatibleVersion = 1,

    /// <summary>A field of the configuration is not supported; the message has key and value.</summary>
    UnsupportedField = 2,

    /// <summary>The container is unknown; the runtime need not clean up.</summary>
    UnknownContainer = 3,

    /// <summary>Environment variables are missing or wrong; the message names them.</summary>
    InvalidEnvironment = 4,

    /// <summary>Reading or writing failed.</summary>
    IoFailure = 5,

    /// <summary>Content could not be decoded.</summary>
    DecodeFailure = 6,

    /// <summary>The network configuration is wrong; the message has path, value and expectation.</summary>
    InvalidNetworkConfig = 7,

    /// <summary>A passing condition; the runtime should try again.</summary>
    TryAgainLater = 11,

    /// <summary>STATUS: an ADD could not succeed now.</summary>
    NotAvailable = 50,

    /// <summary>STATUS: an ADD could not succeed, and existing containers may have limited connectivity.</summary>
    LimitedConnectivity = 51,

    /// <summary>The kernel refused.</summary>
    Kernel = 100,

    /// <summary>etcd refused.</summary>
    Etcd = 101,

    /// <summary>A delegated plugin broke the protocol: killed, garbage instead of JSON, no result.</summary>
    Delegate = 102,

    /// <summary>CHECK found the attachment not as ADD left it.</summary>
    CheckFailed = 103,

    /// <summary>ADD for a container and interface that have been added already and not deleted.</summary>
    AlreadyAttached = 104,

    /// <summary>A host port that is asked for leads to another container; the message names port and container.</summary>
    PortInUse = 105,

    /// <summary>A defect of twill: nothing else describes what happened.</summary>
    Internal = 999,
}
