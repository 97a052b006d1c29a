namespace Twill.Cluster.Tests.Model;

/// <summary>What can happen next. Pauses of a node need no event: a paused node is one that others, and time, go past.</summary>
internal enum EventKind
{
    /// <summary>A node that does nothing begins to lease, renew or give back.</summary>
    Start,

    /// <summary>A request is carried out and answered.</summary>
    CallAnswered,

    /// <summary>A request is carried out; its answer arrives later.</summary>
    AnswerLate,

    /// <summary>A late answer arrives.</summary>
    AnswerArrives,

    /// <summary>A request is carried out; its answer never arrives.</summary>
    AnswerLost,

    /// <summary>A request is lost; the node gives up waiting.</summary>
    RequestLost,

    /// <summary>The node gives up waiting for an answer to a request that arrives later, or never.</summary>
    RequestLate,

    /// <summary>A request whose sender gave up is carried out.</summary>
    LateCallArrives,

    /// <summary>Time goes on.</summary>
    Tick,

    /// <summary>etcd ends an overdue lease.</summary>
    LeaseExpires,

    /// <summary>A node loses its state file and what it was doing.</summary>
    Reboot,

    /// <summary>Somebody reads a node's key and puts it back as it was (etcdctl put), which takes its lease from it.</summary>
    HandPut,

    /// <summary>Somebody deletes a node's key.</summary>
    HandDelete,

    /// <summary>etcd is restored to what it held when the run began.</summary>
    Restore,
}

internal readonly record struct Event(EventKind Kind, ModelNode? Node = null, int Index = 0, long Lease = 0);
