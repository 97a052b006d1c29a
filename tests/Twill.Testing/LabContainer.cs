using System.Text.Json;

namespace Twill.Testing;

/// <summary>A container's network namespace on a host of a <see cref="Lab"/>.</summary>
public sealed class LabContainer : NetnsShell
{
    private readonly LabHost _host;

    internal LabContainer(LabHost host, string name)
    {
        _host = host;
        Name = name;
    }

    public string Name { get; }

    /// <summary>The path of its namespace on its host.</summary>
    public string NetnsPath => $"/run/netns/{Name}";

    /// <summary>What the ADD printed.</summary>
    public string Result { get; set; } = "";

    /// <summary>Its first address, without the prefix length, from the ADD's result.</summary>
    public string Address => AddressOf(Result);

    /// <summary>All its addresses, without the prefix lengths, from the ADD's result.</summary>
    public IReadOnlyList<string> Addresses => AddressesOf(Result);

    public override IReadOnlyList<string> Enter => ["nsenter", $"--net={_host.At(NetnsPath)}", "--"];

    /// <summary>Removes the namespace, as the end of a container does. The kernel takes apart what was in it a little later.</summary>
    public void Remove() => _host.Run("ip", "netns", "delete", Name).OrThrow();

    /// <summary>Removes the namespace, and waits until the host ends of its veth pairs are gone with it.</summary>
    public void Vanish()
    {
        HashSet<int> hostEnds =
        [
            .. IpJson("link show type veth").EnumerateArray().Select(link => link.GetProperty("link_index").GetInt32()),
        ];
        Remove();
        Eventually.True($"the host ends of {Name} are gone", () =>
            !_host.IpJson("link").EnumerateArray().Any(link => hostEnds.Contains(link.GetProperty("ifindex").GetInt32()))
        );
    }

    /// <summary>The first address in an ADD's result, without the prefix length.</summary>
    public static string AddressOf(string result) => AddressesOf(result)[0];

    /// <summary>The addresses in an ADD's result.</summary>
    public static string[] AddressesOf(string result)
    {
        using JsonDocument document = JsonDocument.Parse(result);
        return
        [
            .. document.RootElement.GetProperty("ips").EnumerateArray().Select(ip => ip.GetProperty("address").GetString()!.Split('/')[0]),
        ];
    }
}
