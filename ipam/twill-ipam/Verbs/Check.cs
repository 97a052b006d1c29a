using Twill.Cni;
using Twill.Ipam.Addresses;

namespace Twill.Ipam.Verbs;

/// <summary>CHECK: the attachment has a record, and its address is among those of the result its ADD gave.</summary>
internal static class Check
{
    public static CniResult? Run(CniRequest request, IpamHost host)
    {
        string dataDir = IpamConfiguration.Read(request).Ipam.DataDir;
        if (request.PrevResult is not { } result)
            throw new CniException(CniErrorCode.InvalidNetworkConfig, "invalid network configuration", "$.prevResult: expected the result of ADD, got nothing");
        using AddressStore? store = AddressStore.OpenExisting(dataDir, request.NetworkName);
        string path = $"{dataDir}/{request.NetworkName}";
        if (store?.Hint(request.Attachment) is not { } address) throw Failed($"{path}: {request.Attachment.Describe()} has no address");
        AddressRecord? record = store.Read(address, out bool found);
        if (record is null) throw Failed($"{path}/{address}: {(found ? "not an address record" : "the record is missing")}");
        if (record.Owner != request.Attachment) throw Failed($"{path}/{address}: it belongs to {record.Owner.Describe()}");
        if (record.BootId != host.Clock.BootId) throw Failed($"{path}/{address}: it was claimed before the machine was booted, by ADD of another boot");
        foreach (CniIp ip in result.Ips)
        {
            if (ip.Address.Equals(address)) return null;
        }
        throw Failed($"$.prevResult.ips: expected {address}, which {path}/{address} records, got {Describe(result.Ips)}");
    }

    private static CniException Failed(string details) => new(CniErrorCode.CheckFailed, "the address is not as ADD left it", details);

    private static string Describe(IReadOnlyList<CniIp> ips)
    {
        string text = "";
        foreach (CniIp ip in ips) text += text.Length == 0 ? ip.Cidr : $", {ip.Cidr}";
        return text.Length == 0 ? "none" : text;
    }
}
