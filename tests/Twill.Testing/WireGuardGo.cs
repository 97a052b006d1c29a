namespace Twill.Testing;

/// <summary>wireguard-go, which runs a WireGuard device where the kernel has none.</summary>
public static class WireGuardGo
{
    /// <summary>
    /// Waits until the program, just started, serves its device. `wg` is not asked before the socket listens: it takes one that refuses
    /// connections for a dead program's and removes it, and between bind(2) and listen(2) a live program's refuses them as well.
    /// </summary>
    /// <param name="place">Where the program runs.</param>
    /// <param name="device">The device's name.</param>
    /// <param name="program">The program, whose log says why it does not serve.</param>
    public static void WaitUntilServes(NetnsShell place, string device, Daemon program)
    {
        TimeSpan limit = TimeSpan.FromSeconds(20);
        Eventually.True($"wireguard-go listens for {device}", () => IsListening(place, device), limit, () => program.Log);
        Eventually.True($"wireguard-go serves {device}", () => place.Run("wg", "show", device).ExitCode == 0, limit, () => program.Log);
    }

    /// <summary>Whether the device's socket has the kernel's mark of a listening one (__SO_ACCEPTCON), by /proc/net/unix: "Num RefCount
    /// Protocol Flags Type St Inode Path".</summary>
    private static bool IsListening(NetnsShell place, string device)
    {
        const string AcceptsConnections = "00010000";
        return place
            .Sh("cat /proc/net/unix")
            .Split('\n')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Any(socket => socket.Length == 8 && socket[3] == AcceptsConnections && socket[7].EndsWith($"/wireguard/{device}.sock"));
    }
}
