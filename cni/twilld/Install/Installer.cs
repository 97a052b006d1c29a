using Twill.System;

namespace Twill.Agent.Install;

/// <summary>
/// <c>twilld --install</c>: puts files of a container image onto its host, whose directories are mounted. Each file is new as a whole or
/// as it was, also while somebody runs it, and what else is in the directories stays. What is there already is not written again.
/// </summary>
/// <param name="log">told of each file</param>
internal sealed class Installer(Log log)
{
    /// <summary>The programs that a runtime calls.</summary>
    internal static readonly IReadOnlyList<string> Plugins = ["twill", "twill-ipam"];

    /// <summary>The most files of one directory. A ConfigMap or a Secret is of 1 MiB at most.</summary>
    internal const int MostFiles = 100;

    private const UnixFileMode Executable =
        UnixFileMode.UserRead
        | UnixFileMode.UserWrite
        | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherExecute;

    /// <summary>Installs the plugins, and then the files: a configuration names programs and keys, which are there before it.</summary>
    /// <param name="programs">where the programs of this version are</param>
    /// <param name="to">the host's plugin directory</param>
    /// <param name="files">directories whose files are copied, and where to, in this order</param>
    /// <exception cref="IOException">a file cannot be read or written; those before it are installed</exception>
    /// <exception cref="UnauthorizedAccessException">as <see cref="IOException"/></exception>
    internal void Run(string programs, string to, IReadOnlyList<(string From, string To)> files)
    {
        if (!Directory.Exists(to))
        {
            throw new DirectoryNotFoundException($"--install: there is no directory {to}: mount the host's plugin directory there");
        }

        foreach (string plugin in Plugins)
        {
            Copy(Path.Combine(programs, plugin), Path.Combine(to, plugin), Executable);
        }

        foreach ((string from, string there) in files)
        {
            CopyAll(from, there);
        }
    }

    /// <summary>The files of a directory, not those below it nor those whose name begins with a dot: by such ones a mounted ConfigMap is
    /// changed at once.</summary>
    private void CopyAll(string from, string to)
    {
        if (!Directory.Exists(from))
        {
            throw new DirectoryNotFoundException($"--install-files: there is no directory {from} to take files from");
        }

        string[] paths =
        [
            .. Directory
                .EnumerateFiles(from)
                .Where(path => !Path.GetFileName(path).StartsWith('.') && !Directory.Exists(path))
                .Take(MostFiles + 1)
                .Order(StringComparer.Ordinal),
        ];
        if (paths.Length > MostFiles)
        {
            throw new IOException($"--install-files: {from} has more than {MostFiles} files");
        }

        string above = Path.GetDirectoryName(Path.GetFullPath(to)) ?? "/";
        if (!Directory.Exists(above))
        {
            throw new DirectoryNotFoundException($"--install-files: there is no directory {above}: mount the host's there");
        }

        Directory.CreateDirectory(to);
        foreach (string path in paths)
        {
            FileSystemInfo file = File.ResolveLinkTarget(path, returnFinalTarget: true) ?? new FileInfo(path);
            Copy(path, Path.Combine(to, Path.GetFileName(path)), file.UnixFileMode);
        }
    }

    private void Copy(string from, string to, UnixFileMode mode)
    {
        byte[] content = SmallFile.ReadAll(from);
        if (IsThere(to, content, mode))
        {
            log.Info($"{to} is as it should be");
            return;
        }

        AtomicFile.Write(to, content, durable: true, mode);
        log.Info($"{to} is installed, {content.Length} bytes");
    }

    private static bool IsThere(string path, byte[] content, UnixFileMode mode) =>
        new FileInfo(path) is { Exists: true, LinkTarget: null } file
        && file.Length == content.Length
        && file.UnixFileMode == mode
        && AtomicFile.TryReadAll(path) is { } there
        && there.AsSpan().SequenceEqual(content);
}
