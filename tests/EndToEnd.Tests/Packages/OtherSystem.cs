using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>A host whose root directory is that of another system (build/roots.sh), under this machine's kernel.</summary>
internal static class OtherSystem
{
    /// <summary>
    /// Makes a host of the lab one: what runs on it from here on sees nothing else, but for this repository at its own place.
    /// Changes are in memory.
    /// </summary>
    internal static LabHost Running(this LabHost host, string system)
    {
        // The last step is busybox's, which is static: this machine's programs find their libraries no more.
        host.Sh(
            $"""
            set -e
            new=/run/lab/root
            mkdir -p /run/lab/system/upper /run/lab/system/work $new
            mount -t overlay lab -o lowerdir={RepoPaths.SystemRoot(
                system
            )},upperdir=/run/lab/system/upper,workdir=/run/lab/system/work $new
            for dir in proc sys dev tmp; do mount --rbind /$dir $new/$dir; done
            mkdir -p $new/mnt $new{RepoPaths.Root}
            mount --bind {RepoPaths.Root} $new{RepoPaths.Root}
            mount -t tmpfs -o mode=755 lab $new/run
            cd $new
            pivot_root . mnt
            exec /mnt/bin/busybox umount -l /mnt
            """
        );
        return host;
    }
}
