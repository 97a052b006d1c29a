using System.Text;

namespace Twill.Cni;

/// <summary>How an attachment is called: among files and in sentences.</summary>
public static class AttachmentNames
{
    private const int NameMax = 255; // of a file, linux/limits.h NAME_MAX

    /// <summary>
    /// The attachment as a file name: <c>containerId:ifName</c>, neither of which may hold a colon. A name too long for a file
    /// keeps its head and ends in <c>~</c> and a hash of the whole; what is in the file holds both in full.
    /// </summary>
    public static string FileName(this CniAttachment attachment)
    {
        string name = $"{attachment.ContainerId}:{attachment.IfName}";
        return name.Length <= NameMax / 3 || Encoding.UTF8.GetByteCount(name) <= NameMax
            ? name
            : $"{attachment.ContainerId.AsSpan(0, Math.Min(200, attachment.ContainerId.Length))}~{Hash(name):x16}";
    }

    /// <summary><c>container 4f2c.., interface eth0</c></summary>
    public static string Describe(this CniAttachment attachment) => $"container {attachment.ContainerId}, interface {attachment.IfName}";

    private static ulong Hash(string text) // FNV-1a, 64 bits
    {
        ulong hash = 14695981039346656037;
        foreach (char c in text)
        {
            hash = (hash ^ c) * 1099511628211;
        }

        return hash;
    }
}
