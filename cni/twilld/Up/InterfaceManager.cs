namespace Twill.Agent.Up;

/// <summary>Which program configures an interface: whoever looks for a fault later wants to know.</summary>
internal static class InterfaceManager
{
    /// <summary>Its name; null: nobody's marks are there.</summary>
    /// <param name="root">where the file system begins</param>
    /// <param name="name">the interface</param>
    /// <param name="index">its number</param>
    internal static string? Of(string root, string name, int index)
    {
        return Says($"/run/NetworkManager/devices/{index}", "managed=true", "managed=1") ? "NetworkManager"
            : Says($"/run/systemd/netif/links/{index}", "ADMIN_STATE=configured", "ADMIN_STATE=configuring") ? "systemd-networkd"
            : Says("/run/network/ifstate", $"{name}={name}") ? "ifupdown"
            : null;

        bool Says(string file, params string[] lines) =>
            File.Exists(root + file) && File.ReadLines(root + file).Any(line => lines.Contains(line.Trim()));
    }
}
