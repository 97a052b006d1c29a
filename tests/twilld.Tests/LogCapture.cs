using System.Text;

namespace Twill.Agent.Tests;

/// <summary>A log that a test reads.</summary>
internal sealed class LogCapture : IDisposable
{
    private readonly MemoryStream _output = new();

    internal LogCapture() => Log = new Log(_output, LogLevel.Info, LogFormat.Text, Clock);

    internal ManualClock Clock { get; } = new();

    internal Log Log { get; }

    internal string[] Lines
    {
        get
        {
            byte[] bytes;
            lock (_output)
            {
                bytes = _output.ToArray();
            }

            return Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
    }

    public void Dispose() => _output.Dispose();
}
