using System.Text;

namespace Twill.Cni;

/// <summary>The names the specification restricts. Each method returns null for a good name, or what is wrong with it.</summary>
public static class CniNames
{
    /// <summary>The kernel's IFNAMSIZ less its terminating NUL (include/uapi/linux/if.h).</summary>
    public const int MaxInterfaceName = 15;

    /// <summary>A network's name is part of file names and of nftables names: room is left for what goes around it.</summary>
    public const int MaxNetworkName = 200;

    private const string NameRule = "a letter or digit, then letters, digits, '_', '.' or '-'";

    /// <summary>A container id: <c>^[a-zA-Z0-9][a-zA-Z0-9_.\-]*$</c>.</summary>
    public static string? ContainerIdFault(string id) => IsName(id) ? null : $"expected {NameRule}";

    /// <summary>A network's name: the same alphabet, and short enough to be a directory.</summary>
    public static string? NetworkNameFault(string name) =>
        !IsName(name) ? $"expected {NameRule}"
        : name.Length > MaxNetworkName ? $"expected at most {MaxNetworkName} characters"
        : null;

    /// <summary>An executable's name as in <c>type</c>: one path component.</summary>
    public static string? PluginTypeFault(string type)
    {
        if (type.Length is 0 or > 255 || type is "." or "..")
        {
            return "expected the file name of a plugin";
        }

        foreach (char c in type)
        {
            if (c is '/' or '\\' || char.IsControl(c))
            {
                return "expected the file name of a plugin, without a path";
            }
        }
        return null;
    }

    /// <summary>
    /// A network interface's name as the kernel's dev_valid_name() (net/core/dev.c) takes it. '%' is refused as well: the kernel
    /// reads <c>eth%d</c> as a pattern and makes another name of it; and so are the two names that mean something else below
    /// /proc/sys/net/ipv4/conf.
    /// </summary>
    public static string? InterfaceNameFault(string name)
    {
        if (name.Length == 0)
        {
            return "expected an interface name, got nothing";
        }

        if (Encoding.UTF8.GetByteCount(name) > MaxInterfaceName)
        {
            return $"expected at most {MaxInterfaceName} bytes";
        }

        if (name is "." or ".." or "all" or "default")
        {
            return "expected a name the kernel does not reserve";
        }

        foreach (char c in name)
        {
            if (c is '/' or ':' or '%' || char.IsWhiteSpace(c) || char.IsControl(c) || c == '\uFFFD')
            {
                return "expected no '/', ':', '%', white space or control character";
            }
        }
        return null;
    }

    /// <summary>One label of a host's name (RFC 1123 section 2.1): up to 63 letters, digits and '-', which is at neither
    /// end.</summary>
    public static string? HostLabelFault(ReadOnlySpan<char> label)
    {
        const int Longest = 63; // RFC 1035 section 2.3.4
        if (label.Length is 0 or > Longest || label[0] == '-' || label[^1] == '-')
        {
            return $"expected 1 to {Longest} letters, digits and '-', with no '-' at an end (RFC 1123)";
        }

        foreach (char c in label)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '-')
            {
                return "expected letters, digits and '-' only (RFC 1123)";
            }
        }

        return null;
    }

    /// <summary>A domain: labels as <see cref="HostLabelFault"/> says, joined by dots.</summary>
    /// <param name="domain">the text, without a dot at its end</param>
    /// <param name="longest">how many characters it may have</param>
    public static string? DomainFault(string domain, int longest)
    {
        if (domain.Length > longest)
        {
            return $"expected at most {longest} characters";
        }

        foreach (string label in domain.Split('.'))
        {
            if (HostLabelFault(label) is { } fault)
            {
                return $"a label of it: {fault}";
            }
        }

        return null;
    }

    private static bool IsName(string text)
    {
        if (text.Length == 0 || !char.IsAsciiLetterOrDigit(text[0]))
        {
            return false;
        }

        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or '-'))
            {
                return false;
            }
        }
        return true;
    }
}
