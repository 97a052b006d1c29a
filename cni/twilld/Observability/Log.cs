using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Twill.System;

namespace Twill.Agent;

internal enum LogLevel
{
    Debug,
    Info,
    Warning,
    Error,

    /// <summary>An error in the program itself.</summary>
    Critical,
}

internal enum LogFormat
{
    Text,
    Json,
}

/// <summary>
/// One line per event on standard error: `2026-11-20T10:00:00Z info twill: peer 10.244.7.0/24 via 192.168.64.3 added`, where "twill" is the
/// network it is about. To the journal, which has time and level beside each line, only what it does not have: `&lt;6&gt;twill: peer ..`.
/// </summary>
internal sealed class Log(Stream output, LogLevel least, LogFormat format, TimeProvider clock)
{
    /// <summary>Characters of a line that are written.</summary>
    private const int LongestLine = 4000;

    private readonly Lock _lock = new();
    private readonly LogLimit _limit = new(clock);
    private readonly string _network = "";

    private Log(Log parent, string network)
        : this(parent.Output, parent.Least, parent.Format, parent.Clock) =>
        (_lock, _limit, _network, IsJournal) = (parent._lock, parent._limit, network, parent.IsJournal);

    /// <summary>Whether the lines go to systemd's journal.</summary>
    internal bool IsJournal { get; init; }

    private Stream Output => output;

    private LogLevel Least => least;

    private LogFormat Format => format;

    private TimeProvider Clock => clock;

    internal Log ForNetwork(string name) => new(this, name);

    internal void Debug(string message) => Write(LogLevel.Debug, message);

    internal void Info(string message) => Write(LogLevel.Info, message);

    internal void Warning(string message) => Write(LogLevel.Warning, message);

    /// <summary>Logs a warning unless there is none.</summary>
    internal void WarningIfAny(string? message)
    {
        if (message is not null)
        {
            Warning(message);
        }
    }

    internal void Error(string message) => Write(LogLevel.Error, message);

    internal void Critical(string message) => Write(LogLevel.Critical, message);

    /// <summary>Logs what others can cause as often as they like, by what they write in etcd for one: at most
    /// <see cref="LogLimit.MostInSecond"/> lines a second. The rest are counted.</summary>
    internal void Limited(LogLevel level, string message)
    {
        if (level >= least && _limit.MayWrite())
        {
            Write(level, message);
        }
    }

    internal void Write(LogLevel level, string message)
    {
        if (level < least)
        {
            return;
        }

        if (_limit.TakeLeftOut() is > 0 and long leftOut)
        {
            WriteLine(LogLevel.Warning, $"{leftOut} lines left out: there were more than {LogLimit.MostInSecond} in a second");
        }

        WriteLine(level, message);
    }

    private void WriteLine(LogLevel level, string message)
    {
        string time = clock.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        byte[] line = format == LogFormat.Json ? JsonLine(time, Name(level), message) : TextLine(time, Name(level), message);
        line = IsJournal ? [.. Encoding.ASCII.GetBytes(Journal.Prefix(level)), .. line] : line;
        lock (_lock)
        {
            output.Write(line);
            output.Flush();
        }
    }

    private static string Name(LogLevel level) =>
        level switch
        {
            LogLevel.Debug => "debug",
            LogLevel.Info => "info",
            LogLevel.Warning => "warning",
            LogLevel.Error => "error",
            _ => "critical",
        };

    private byte[] TextLine(string time, string level, string message)
    {
        string about = _network.Length == 0 ? "twilld" : _network;
        string text = $"{about}: {ForeignText.Shown(message.Replace("\n", "\\n", StringComparison.Ordinal), LongestLine)}\n";
        return Encoding.UTF8.GetBytes(IsJournal ? text : $"{time} {level} {text}");
    }

    private byte[] JsonLine(string time, string level, string message)
    {
        ArrayBufferWriter<byte> line = new(256);
        using (Utf8JsonWriter json = new(line))
        {
            json.WriteStartObject();
            json.WriteString("time", time);
            json.WriteString("level", level);
            if (_network.Length > 0)
            {
                json.WriteString("network", _network);
            }

            json.WriteString("msg", message.Length <= LongestLine ? message : ForeignText.Shown(message, LongestLine));
            json.WriteEndObject();
        }

        line.Write("\n"u8);
        return line.WrittenSpan.ToArray();
    }
}
