using System.Runtime.InteropServices;

namespace Twill.Testing;

/// <summary>A text as C has it: UTF-8, ended by NUL.</summary>
internal readonly unsafe struct NativeText(string text) : IDisposable
{
    private readonly nint _bytes = Marshal.StringToCoTaskMemUTF8(text);

    internal byte* Pointer => (byte*)_bytes;

    public void Dispose() => Marshal.FreeCoTaskMem(_bytes);
}

/// <summary>Texts as C has them: an array of pointers, ended by null.</summary>
internal readonly unsafe struct NativeTexts : IDisposable
{
    private readonly byte** _pointers;
    private readonly int _count;

    internal NativeTexts(IReadOnlyCollection<string> texts)
    {
        _count = texts.Count;
        _pointers = (byte**)NativeMemory.AllocZeroed((nuint)(_count + 1), (nuint)sizeof(byte*));
        int i = 0;
        foreach (string text in texts)
        {
            _pointers[i++] = (byte*)Marshal.StringToCoTaskMemUTF8(text);
        }
    }

    internal byte** Pointers => _pointers;

    public void Dispose()
    {
        for (int i = 0; i < _count; i++)
        {
            Marshal.FreeCoTaskMem((nint)_pointers[i]);
        }

        NativeMemory.Free(_pointers);
    }
}
