using System.Formats.Tar;
using System.Text;

namespace Twill.Agent.Support;

/// <summary>The archive of <c>twill support</c>, readable by its owner alone. What is not finished is removed.</summary>
internal sealed class SupportArchive : IDisposable
{
    private const string Root = "twill-support/";

    // Of one entry; the end of a log is what counts.
    private const int MostCharacters = 4 << 20;

    private readonly string _path;
    private readonly FileStream _file;
    private readonly TarWriter _tar;
    private readonly DateTimeOffset _time = DateTimeOffset.UtcNow;
    private readonly List<string> _names = [];
    private bool _isFinished;

    /// <param name="path">where it goes</param>
    /// <exception cref="IOException">something is there already, or it cannot be written</exception>
    internal SupportArchive(string path)
    {
        _path = path;
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (OperatingSystem.IsLinux())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        _file = new FileStream(path, options);
        _tar = new TarWriter(_file, TarEntryFormat.Pax);
    }

    /// <summary>What is in it.</summary>
    internal IReadOnlyList<string> Names => _names;

    /// <summary>Adds a text.</summary>
    internal void Add(string name, string text)
    {
        string content = text.Length <= MostCharacters ? text : $"[cut]\n{text[^MostCharacters..]}";
        using MemoryStream data = new(Encoding.UTF8.GetBytes(content));
        _tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, Root + name) { DataStream = data, ModificationTime = _time });
        _names.Add(name);
    }

    /// <summary>Writes what is left to write.</summary>
    internal void Finish()
    {
        _tar.Dispose();
        _file.Dispose();
        _isFinished = true;
    }

    public void Dispose()
    {
        if (!_isFinished)
        {
            _tar.Dispose();
            _file.Dispose();
            File.Delete(_path);
        }
    }
}
