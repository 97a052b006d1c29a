using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>Writes to a file through a buffer of a few pages.</summary>
/// <param name="file">The file, open for writing.</param>
/// <param name="path">Its name, for errors.</param>
internal sealed class FileBufferWriter(SafeFileHandle file, string path) : IBufferWriter<byte>
{
    private byte[] _buffer = new byte[16 << 10];
    private int _used;

    /// <inheritdoc/>
    public void Advance(int count) => _used += count;

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_buffer.Length - _used < Math.Max(sizeHint, 1))
        {
            Flush();
            if (_buffer.Length < sizeHint)
            {
                _buffer = new byte[sizeHint];
            }
        }

        return _buffer.AsMemory(_used);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <summary>Writes what is in the buffer.</summary>
    /// <exception cref="IOException">The system refused.</exception>
    internal void Flush()
    {
        Libc.WriteAll(file, _buffer.AsSpan(0, _used), path);
        _used = 0;
    }
}
