using System.Globalization;

namespace Twill.Host;

/// <summary>The oldest kernel that twill works on: what it asks of nftables (comments of tables, which are read back) is there since Linux
/// 5.10.</summary>
public static class KernelRequirement
{
    private static readonly Version s_oldest = new(5, 10);

    /// <summary>What is wrong with this host's kernel, and what to do; null: nothing.</summary>
    public static string? Fault => FaultOf(Environment.OSVersion.Version);

    /// <summary>What is wrong with a kernel of this version (uname -r); null: nothing.</summary>
    public static string? FaultOf(Version kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        return kernel >= s_oldest
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"this kernel is Linux {kernel.ToString(2)}, and twill needs {s_oldest} or newer: boot a newer kernel (Debian 11, Ubuntu "
                    + $"22.04 and RHEL 9 have one)"
            );
    }
}
