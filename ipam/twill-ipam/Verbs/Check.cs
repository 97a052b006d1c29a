using System.Net;
using Twill.Cni;
using Twill.Ipam.Addresses;
using Twill.Network.State;

namespace Twill.Ipam.Verbs;

/// <summary>CHECK: the attachment has a record, and its addresses are among those of the result its ADD gave.</summary>
internal static class Check
{
    public static CniResult? Run(CniRequest request, IpamHost host)
    {
        string dataDir = IpamConfiguration.Read(request).Ipam.DataDir;
        if (request.PrevResult is not { } result)
        {
            throw new CniException(
                CniErrorCode.InvalidNetworkConfig,
                "invalid network configuration",
                "$.prevResult: expected the result of ADD, got nothing"
            );
        }

        using AddressStore? store = AddressStore.OpenExisting(dataDir, request.NetworkName);
        string path = $"{dataDir}/{request.NetworkName}";
        if (store?.Hint(request.Attachment) is not { } address)
        {
            throw Failed($"{path}: {request.Attachment.Describe()} has no address");
        }

        AddressRecord? record = store.Read(address, out bool found);
        if (record is null)
        {
            throw Failed($"{path}/{address}: {(found ? "not an address record" : "the record is missing")}");
        }

        if (record.Owner != request.Attachment)
        {
            throw Failed($"{path}/{address}: it belongs to {record.Owner.Describe()}");
        }

        if (record.BootId != host.Clock.BootId)
        {
            throw Failed($"{path}/{address}: it was claimed before the machine was booted, by ADD of another boot");
        }

        foreach (IPAddress one in record.All(address))
        {
            if (!one.Equals(address) && store.Read(one, out _)?.Owner != request.Attachment)
            {
                throw Failed($"{path}/{one}: expected the record of {request.Attachment.Describe()}, which has {one} beside {address}");
            }

            if (!Has(result.Ips, one))
            {
                throw Failed($"$.prevResult.ips: expected {one}, which {path}/{one} records, got {Describe(result.Ips)}");
            }
        }
        return null;
    }

    private static bool Has(IReadOnlyList<CniIp> ips, IPAddress address)
    {
        foreach (CniIp ip in ips)
        {
            if (ip.Address.Equals(address))
            {
                return true;
            }
        }
        return false;
    }

    private static CniException Failed(string details) => new(CniErrorCode.CheckFailed, "the address is not as ADD left it", details);

    private static string Describe(IReadOnlyList<CniIp> ips)
    {
        string text = "";
        foreach (CniIp ip in ips)
        {
            text += text.Length == 0 ? ip.Cidr : $", {ip.Cidr}";
        }

        return text.Length == 0 ? "none" : text;
    }
}
