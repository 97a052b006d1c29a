using System.Buffers.Binary;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// A call of the plugin, which tells the agent of it through the named pipe <c>calls</c> of the network: 8 bytes, little-endian. While no
/// agent reads there, nobody is told.
/// <code>
/// 0: verb   1: 0   2..3: code of the error, 0: none   4..7: microseconds
/// </code>
/// </summary>
/// <param name="Verb">what was asked</param>
/// <param name="Code">the error's code; 0: it succeeded</param>
/// <param name="Microseconds">from the program's start to its answer</param>
public readonly record struct PluginCall(CniVerb Verb, ushort Code, uint Microseconds)
{
    /// <summary>Bytes of a call.</summary>
    public const int Size = 8;

    /// <summary>Tells the agent, if it reads. Never waits, never fails.</summary>
    public void Tell(NetworkStateDir to)
    {
        Span<byte> bytes = stackalloc byte[Size];
        bytes.Clear();
        bytes[0] = (byte)Verb;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[2..], Code);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], Microseconds);
        Libc.TellFifo(to.CallsPath, bytes);
    }

    /// <summary>Reads <see cref="Size"/> bytes; false when they are no call.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out PluginCall call)
    {
        call = new PluginCall(
            (CniVerb)bytes[0],
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..])
        );
        return bytes[0] <= (byte)CniVerb.Version && bytes[1] == 0;
    }
}
