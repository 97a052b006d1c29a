using System.Globalization;
using System.Runtime.InteropServices;

namespace Twill.Linux.Netlink;

/// <summary>What a message says by number and a command by name. This one knows no names: <c>if7</c> is the link with index 7, as
/// iproute2 takes it.</summary>
public class CommandNames
{
    /// <summary>The name of a link.</summary>
    /// <param name="index">Its interface index.</param>
    public virtual string Link(int index) => string.Create(CultureInfo.InvariantCulture, $"if{index}");

    /// <summary>The name of a link; null for index 0, which stands for none.</summary>
    public string? LinkOrNull(int index) => index == 0 ? null : Link(index);

    /// <summary>A path of a network namespace.</summary>
    /// <param name="handle">A descriptor of it.</param>
    public virtual string Netns(SafeHandle handle) =>
        string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{handle.DangerousGetHandle()}");
}
