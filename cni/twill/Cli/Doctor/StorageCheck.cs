using Twill.Network.Configuration;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>The directories of records and state: whether they take another file, and who else may change them or read secrets.</summary>
internal static class StorageCheck
{
    private const string Name = "storage";

    public static void Run(Findings to, NetworkView network) =>
        to.Look(
            Name,
            () =>
            {
                foreach (string problem in network.StorageProblems)
                {
                    to.Fail(
                        Name,
                        $"{problem}: no container can be added",
                        "free space or inodes there, or mount it writable (df, df -i, mount)"
                    );
                }

                foreach ((string text, string remedy) in FilePermissions.FindLoose(network.Conf))
                {
                    to.Warn(Name, text, remedy);
                }
            },
            () => null
        );
}
