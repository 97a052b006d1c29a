using Twill.Linux.Netlink;
using Twill.Testing;
using Xunit.Sdk;

namespace Twill.Linux.Tests;

/// <summary>
/// Bytes from `golden/`, seen between iproute2 and the kernel (see golden/capture.py). A row "A => B  # why" holds what iproute2
/// sends and what is sent instead on purpose; everything else must be the same.
/// </summary>
internal static class Captured
{
    /// <summary>Fails unless the request, as a socket would send it, is what the file says; sequence number and port id are 0 in
    /// both.</summary>
    internal static void Equal<T>(string name, in T request)
        where T : struct, INetlinkRequest => Equal(name, in request, (T.Type & 3) == 2 ? NetlinkFlags.None : NetlinkFlags.Ack);

    /// <summary>The same with these flags besides the request's own.</summary>
    internal static void Equal<T>(string name, in T request, NetlinkFlags flags, ushort family = 0)
        where T : struct, INetlinkRequest
    {
        MessageBuffer buffer = new(16); // too small for any: growing is tested along
        buffer.Append(in request, 0, flags, family);
        try
        {
            HexRows.Equal(Read(name + ".hex", ours: true), buffer.Bytes);
            string captured = File.ReadLines(Path.Combine(Directory(), name + ".hex")).First();
            Commands.Equal(name, captured, request.ToCommand(Commands.Names));
        }
        catch (XunitException e)
        {
            throw new XunitException($"golden/{name}.hex: {e.Message}");
        }
    }

    /// <summary>What the kernel answered: one datagram's worth of messages.</summary>
    internal static byte[] Reply(string name) => Of($"replies/{name}");

    /// <summary>The bytes of any file, as they were captured.</summary>
    internal static byte[] Of(string name) => Read($"{name}.hex", ours: false);

    private static byte[] Read(string name, bool ours)
    {
        List<byte> bytes = [];
        foreach (string line in File.ReadLines(Path.Combine(Directory(), name)))
        {
            string[] sides = line.Split('#')[0].Split("=>");
            bytes.AddRange(Convert.FromHexString((ours ? sides[^1] : sides[0]).Replace(" ", "", StringComparison.Ordinal)));
        }
        return [.. bytes];
    }

    internal static string Directory()
    {
        string? at = AppContext.BaseDirectory;
        while (at is not null && !global::System.IO.Directory.Exists(Path.Combine(at, "golden")))
        {
            at = Path.GetDirectoryName(at);
        }

        return Path.Combine(at ?? throw new DirectoryNotFoundException($"no 'golden' above {AppContext.BaseDirectory}"), "golden");
    }
}
