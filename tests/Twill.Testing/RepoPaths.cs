namespace Twill.Testing;

/// <summary>Where things are in this repository.</summary>
public static class RepoPaths
{
    /// <summary>The directory of Cni.sln.</summary>
    public static string Root { get; } = FindRoot();

    public static string Conf => Path.Combine(Root, "conf");

    /// <summary>The published programs (build/publish.sh).</summary>
    public static string Bin => Path.Combine(Root, "artifacts", "bin");

    /// <summary>The reference runtime (build/cnitool.sh).</summary>
    public static string Cnitool => Published(Path.Combine("artifacts", "tools", "cnitool"), "build/cnitool.sh");

    /// <summary>Debian's reference plugins (containernetworking-plugins).</summary>
    public static string ReferencePlugins => "/usr/lib/cni";

    /// <summary>A published program by name; an exception that says how to make it when it is missing.</summary>
    public static string Program(string name) => Published(Path.Combine("artifacts", "bin", name), "build/publish.sh");

    /// <summary>The same for arm64.</summary>
    public static string Arm64Program(string name) =>
        Published(Path.Combine("artifacts", "bin-arm64", name), "build/publish.sh --arch arm64");

    /// <summary>The root directory of another system (build/roots.sh), e.g. debian-11.</summary>
    public static string SystemRoot(string name)
    {
        string path = Path.Combine(Root, "artifacts", "roots", name);
        return Directory.Exists(path)
            ? path
            : throw new DirectoryNotFoundException($"artifacts/roots/{name} is missing: run build/roots.sh first");
    }

    private static string Published(string path, string script)
    {
        string full = Path.Combine(Root, path);
        return File.Exists(full) ? full : throw new FileNotFoundException($"{path} is missing: run {script} first", full);
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Cni.sln")))
            {
                return at.FullName;
            }
        }

        throw new DirectoryNotFoundException($"no Cni.sln in or above {AppContext.BaseDirectory}");
    }
}
