namespace Twill.Cluster;

/// <summary>One change of a watched key.</summary>
/// <param name="Item">The key as it is now; of a deleted key only the name and the revision of its deletion.</param>
/// <param name="IsDelete">True when the key is gone: deleted, or its lease ran out.</param>
public sealed record EtcdWatchEvent(KeyValue Item, bool IsDelete);

/// <summary>What one message of a watch brought: the changes of one or more revisions, in their order.</summary>
/// <param name="Events">The changes; empty for a mere sign of life.</param>
/// <param name="Revision">The store's revision that the watch has reached.</param>
public sealed record EtcdWatchBatch(IReadOnlyList<EtcdWatchEvent> Events, long Revision);
