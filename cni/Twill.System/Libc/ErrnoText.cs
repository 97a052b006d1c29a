using System.Globalization;
using System.Runtime.InteropServices;

namespace Twill.System;

internal static class ErrnoText
{
    /// <summary>The C library's words and the number: <c>No such device (errno 19)</c>.</summary>
    internal static string Of(Errno errno) =>
        $"{Marshal.GetPInvokeErrorMessage((int)errno)} (errno {((int)errno).ToString(CultureInfo.InvariantCulture)})";
}
