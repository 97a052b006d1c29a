namespace Twill.Cni;

/// <summary>The names by which a runtime calls a container: <c>NAME=</c> in CNI_ARGS, <c>args.cni.names</c>, and the pod's name that
/// runtimes give in CNI_ARGS (<c>K8S_POD_NAME</c>).</summary>
public static class RequestedNames
{
    /// <summary>The argument in CNI_ARGS that names a container.</summary>
    public const string Argument = "NAME";

    private const string PodName = "K8S_POD_NAME",
        Expected = "a container's name for DNS";

    private const int Most = 32;

    /// <summary>Reads the names that a call asks for, in lower case.</summary>
    /// <exception cref="CniException">code 7 or 4: one is not a label of a domain</exception>
    public static List<string> Read(CniRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        List<string> names = [];
        if (request.Args[Argument] is { Length: > 0 } text)
        {
            Add(names, CniNames.HostLabelFault(text) is { } fault ? throw Refused(text, fault) : text);
        }

        ConfigReader list = request.Reader["args"]["cni"]["names"];
        foreach (ConfigReader item in list.Items())
        {
            string name = item.RequiredString(Expected);
            Add(names, CniNames.HostLabelFault(name) is { } fault ? item.Complain($"{Expected}: {fault}", name) : name);
        }

        if (names.Count > Most)
        {
            list.ComplainText($"expected at most {Most} names, got {names.Count}");
        }

        // Runtimes that are no Kubernetes put a container's own name there, which may be none of DNS.
        if (request.Args[PodName] is { } pod && CniNames.HostLabelFault(pod) is null)
        {
            Add(names, pod);
        }

        return names;
    }

    private static void Add(List<string> names, string name)
    {
        string lower = name.ToLowerInvariant();
        if (lower.Length > 0 && !names.Contains(lower))
        {
            names.Add(lower);
        }
    }

    private static CniException Refused(string text, string fault) =>
        new(
            CniErrorCode.InvalidEnvironment,
            "invalid environment variables: CNI_ARGS",
            $"CNI_ARGS: {Argument}: {Expected}: {fault}, got '{text}'"
        );
}
