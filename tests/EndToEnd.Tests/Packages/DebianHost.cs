using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>
/// A host on which packages can be installed: Debian as this machine has it, with a /usr, /var/cache and /var/log of its own besides, and
/// without anything of twill's. There is no systemd on it.
/// </summary>
internal static class DebianHost
{
    // Triggers would have the manual pages of the whole machine indexed.
    private const string Prepare = """
        set -e
        for dir in usr var/cache var/log; do
          mkdir -p /run/lab/$dir/upper /run/lab/$dir/work
          mount -t overlay lab -o lowerdir=/$dir,upperdir=/run/lab/$dir/upper,workdir=/run/lab/$dir/work /$dir
        done
        rm -rf /opt/cni /etc/cni /usr/local/bin/twill*
        mkdir -p /etc/dpkg/dpkg.cfg.d
        printf 'no-triggers\nforce-unsafe-io\n' >/etc/dpkg/dpkg.cfg.d/lab
        """;

    /// <summary>Makes a host of the lab one.</summary>
    internal static LabHost Bare(this LabHost host)
    {
        host.Sh(Prepare);
        return host;
    }

    internal static CmdResult Dpkg(this LabHost host, params string[] arguments) =>
        host.RunFor(TimeSpan.FromMinutes(2), ["env", "DEBIAN_FRONTEND=noninteractive", "dpkg", .. arguments]);

    /// <summary>Every file and directory that a package could have put or left somewhere.</summary>
    internal static IReadOnlyList<string> Files(this LabHost host) =>
        host.Sh(
                """
                find /etc /opt /usr /var/lib /run/twill -path /var/lib/dpkg -prune -o -print 2>/dev/null | sort
                dpkg-query -W twill 2>&1 || true
                """
            )
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
