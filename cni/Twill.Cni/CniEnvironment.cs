using System.Globalization;

namespace Twill.Cni;

/// <summary>The variables of SPEC section 2: which verb needs which, and how each must look. One pass names everything that is
/// wrong.</summary>
internal static class CniEnvironment
{
    internal const string Command = "CNI_COMMAND";
    internal const string ContainerId = "CNI_CONTAINERID";
    internal const string Netns = "CNI_NETNS";
    internal const string IfName = "CNI_IFNAME";
    internal const string Args = "CNI_ARGS";
    internal const string Path = "CNI_PATH";

    /// <summary>Ours: how many plugins have called each other so far, each the next. Runtimes do not set it.</summary>
    internal const string Delegations = "TWILL_DELEGATIONS";

    /// <summary>A main plugin, its IPAM plugin, and as many again for what wraps them.</summary>
    private const int MostDelegations = 4;

    /// <summary>A row: the variable, the verbs that cannot do without it, the verbs that look at its form, and the check of the
    /// form.</summary>
    private readonly record struct Row(string Variable, CniVerb[] Required, CniVerb[] Checked, Func<string, string?> Fault);

    private static readonly CniVerb[] OfAttachment = [CniVerb.Add, CniVerb.Check, CniVerb.Del];

    private static readonly Row[] Table =
    [
        new(ContainerId, OfAttachment, OfAttachment, CniNames.ContainerIdFault),
        new(Netns, [CniVerb.Add, CniVerb.Check], [CniVerb.Add, CniVerb.Check], NetnsFault),
        new(IfName, OfAttachment, OfAttachment, CniNames.InterfaceNameFault),
        new(Args, [], [CniVerb.Add, CniVerb.Check], ArgsFault),
        new(Path, [CniVerb.Gc], [], static _ => null),
    ];

    /// <exception cref="CniException">code 4, naming every variable that is missing or wrong</exception>
    internal static void Validate(CniVerb verb, IReadOnlyDictionary<string, string> environment)
    {
        List<string>? names = null,
            faults = null;
        foreach (Row row in Table)
        {
            string value = environment.GetValueOrDefault(row.Variable, "");
            string? fault = null;
            if (value.Length == 0)
            {
                fault = Array.IndexOf(row.Required, verb) >= 0 ? $"missing, {verb.Name()} needs it" : null;
            }
            else if (Array.IndexOf(row.Checked, verb) >= 0 && row.Fault(value) is string wrong)
            {
                fault = $"{wrong}, got '{ConfigReader.Shorten(value, 100)}'";
            }

            if (fault is null)
            {
                continue;
            }

            (names ??= []).Add(row.Variable);
            (faults ??= []).Add($"{row.Variable}: {fault}");
        }
        if (names is not null)
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                $"invalid environment variables: {string.Join(", ", names)}",
                string.Join("; ", faults!)
            );
        }
    }

    /// <summary>How many plugins have called each other before this call; 0 without a number.</summary>
    internal static int DelegationsOf(IReadOnlyDictionary<string, string> environment) =>
        int.TryParse(environment.GetValueOrDefault(Delegations), NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            ? count
            : 0;

    /// <summary>Ends a chain of plugins that call each other, which would otherwise go on until the host has no process left.</summary>
    /// <exception cref="CniException">code 7</exception>
    internal static void RefuseEndlessDelegation(IReadOnlyDictionary<string, string> environment)
    {
        if (DelegationsOf(environment) > MostDelegations)
        {
            throw new CniException(
                CniErrorCode.InvalidNetworkConfig,
                $"more than {MostDelegations} plugins have called each other",
                "$.ipam.type: expected an IPAM plugin that does not come back here, directly or by another program of that name in CNI_PATH"
            );
        }
    }

    /// <summary>A relative path would depend on the directory the runtime happens to run in.</summary>
    private static string? NetnsFault(string path) => path[0] == '/' ? null : "expected the absolute path of a network namespace";

    private static string? ArgsFault(string text) => CniArgs.TryParse(text, out _, out string? fault) ? null : fault;
}
