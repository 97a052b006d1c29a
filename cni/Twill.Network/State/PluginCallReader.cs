using Microsoft.Win32.SafeHandles;
using Twill.System;

namespace Twill.Network.State;

/// <summary>The agent's end of the pipe that a network's plugin calls are told through. A pipe holds 8,192 calls; those that find it full
/// are not counted.</summary>
public sealed class PluginCallReader : IDisposable
{
    private readonly SafeFileHandle _fifo;
    private readonly string _path;
    private readonly byte[] _buffer = new byte[512 * PluginCall.Size];

    /// <summary>Makes the pipe, in the place of what a former agent left.</summary>
    /// <exception cref="IOException">it cannot be made</exception>
    public PluginCallReader(NetworkStateDir state)
    {
        _path = state.CallsPath;
        _fifo = Libc.MakeFifo(_path);
    }

    /// <summary>The calls since the last time. Bytes that are no call are passed over, and so is the end of a torn one.</summary>
    /// <exception cref="IOException">the pipe cannot be read</exception>
    public IEnumerable<PluginCall> Read()
    {
        for (int length; (length = Libc.ReadFifo(_fifo, _buffer, _path)) > 0;)
        {
            for (int at = 0; at + PluginCall.Size <= length; at += PluginCall.Size)
            {
                if (PluginCall.TryRead(_buffer.AsSpan(at, PluginCall.Size), out PluginCall call))
                {
                    yield return call;
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _fifo.Dispose();
}
