using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;

namespace Twill.Testing;

/// <summary>
/// A container image made of this machine's busybox-static, as the archive that `docker save` writes and every runtime loads. Its
/// containers sleep until they are ended.
/// </summary>
public static class BusyboxImage
{
    public const string Name = "localhost/twill-test:1";

    private const string Busybox = "/bin/busybox";
    private const UnixFileMode Executable =
        UnixFileMode.UserRead
        | UnixFileMode.UserWrite
        | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherExecute;

    private static readonly string[] s_applets = ["sh", "sleep", "ip", "ping", "cat"];

    /// <summary>Writes the archive.</summary>
    public static void Write(string path)
    {
        byte[] layer = Layer();
        string digest = Convert.ToHexStringLower(SHA256.HashData(layer));
        string config = $$$"""
            {"architecture":"amd64","os":"linux","config":{"Entrypoint":["/bin/sleep","infinity"],"Env":["PATH=/bin"]},
             "rootfs":{"type":"layers","diff_ids":["sha256:{{{digest}}}"]},"history":[{"comment":"busybox"}]}
            """;
        using FileStream file = File.Create(path);
        using TarWriter tar = new(file, TarEntryFormat.Ustar);
        Add(tar, "manifest.json", $$"""[{"Config":"config.json","RepoTags":["{{Name}}"],"Layers":["layer.tar"]}]""");
        Add(tar, "config.json", config);
        Add(tar, "layer.tar", new MemoryStream(layer));
    }

    private static byte[] Layer()
    {
        using MemoryStream bytes = new();
        using (TarWriter tar = new(bytes, TarEntryFormat.Ustar))
        {
            foreach (string directory in new[] { "bin", "etc", "proc", "sys", "dev", "tmp" })
            {
                tar.WriteEntry(new UstarTarEntry(TarEntryType.Directory, directory) { Mode = Executable });
            }

            using FileStream busybox = File.OpenRead(Busybox);
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, "bin/busybox") { Mode = Executable, DataStream = busybox });
            foreach (string applet in s_applets)
            {
                tar.WriteEntry(new UstarTarEntry(TarEntryType.SymbolicLink, $"bin/{applet}") { LinkName = "busybox" });
            }
        }

        return bytes.ToArray();
    }

    private static void Add(TarWriter tar, string name, string text) => Add(tar, name, new MemoryStream(Encoding.UTF8.GetBytes(text)));

    private static void Add(TarWriter tar, string name, Stream data) =>
        tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = data });
}
