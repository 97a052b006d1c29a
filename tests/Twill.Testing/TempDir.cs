namespace Twill.Testing;

/// <summary>A directory of its own under the system's temporary directory, removed with all it holds, by the next run at the
/// latest.</summary>
public sealed class TempDir : IDisposable
{
    private const string Prefix = "twill-test";

    private const string Memory = "/dev/shm";

    private static readonly string s_parent = global::System.IO.Path.GetTempPath();

    static TempDir()
    {
        Owned.SweepDirectories(s_parent, Prefix);
        Owned.SweepDirectories(Memory, Prefix);
    }

    private TempDir(string path) => Path = path;

    public string Path { get; }

    public static TempDir Create() => CreateIn(s_parent);

    /// <summary>One whose files are in memory: what is written there need not wait for a disk, and outlives the process that wrote
    /// it.</summary>
    public static TempDir CreateInMemory() => CreateIn(Memory);

    /// <summary>The full path of a name below this directory.</summary>
    public string At(string name) => global::System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file below this directory and gives its full path.</summary>
    public string Write(string name, string content)
    {
        string path = At(name);
        Directory.CreateDirectory(global::System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    public void Dispose()
    {
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }

    private static TempDir CreateIn(string parent)
    {
        string path = global::System.IO.Path.Combine(parent, Owned.NewName(Prefix));
        Directory.CreateDirectory(path);
        return new TempDir(path);
    }
}
