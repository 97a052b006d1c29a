namespace Twill.Cni;

/// <summary>One interface of one container: what ADD made and DEL takes away.</summary>
/// <param name="ContainerId">CNI_CONTAINERID of its ADD</param>
/// <param name="IfName">CNI_IFNAME of its ADD</param>
public readonly record struct CniAttachment(string ContainerId, string IfName);
