using System.Text.Json;

namespace Twill.Cni;

/// <summary>
/// The protocol around a plugin's verbs: environment and standard input in, exactly one JSON document (or nothing) on standard output,
/// exit code 0 or 1. Whatever goes wrong, the runtime is told in the specification's form.
/// </summary>
public static class CniPlugin
{
    /// <summary>Answers one call.</summary>
    /// <returns>the exit code of the process</returns>
    public static int Run(CniVerbTable verbs, ICniProcess process)
    {
        CniVersion version = CniVersion.Latest;
        byte[]? output;
        uint code = 0;
        CniRequest? request = null;
        CniException? error = null;
        try
        {
            string command = process.Environment.GetValueOrDefault(CniEnvironment.Command, "");
            if (!process.Environment.ContainsKey(CniEnvironment.Command) && verbs.WithoutCommand is not null)
            {
                return verbs.WithoutCommand();
            }

            output = Answer(verbs, command, process, ref version, ref request);
        }
        catch (Exception e)
        {
            error = Describe(e, verbs);
            output = ErrorDocument(error, version);
            code = error.Code == 0 ? (uint)CniErrorCode.Internal : (uint)error.Code; // a delegated plugin's own may be anything
        }

        int exitCode = code == 0 ? 0 : 1;
        try
        {
            if (output is not null)
            {
                process.WriteStdout(output);
            }

            process.EndStdout();
            request?.Phases?.Done("answer");
            End(request, code);
            return exitCode;
        }
        catch (IOException e)
        {
            process.WriteStderr($"cannot write the answer to standard output: {e.Message}");
            if (exitCode == 0 && request is { Verb: CniVerb.Add })
            {
                TakeBack(request, verbs, process);
            }

            End(request, (uint)CniErrorCode.IoFailure);
            return 1;
        }

        void End(CniRequest? asked, uint code)
        {
            if (asked is not null)
            {
                verbs.Ended?.Invoke(new CniOutcome(asked, code, error));
            }
        }
    }

    /// <summary>An ADD whose result nobody got is no ADD: what it made is taken away again, as by the DEL that a runtime may owe
    /// us.</summary>
    private static void TakeBack(CniRequest request, CniVerbTable verbs, ICniProcess process)
    {
        try
        {
            verbs[CniVerb.Del]?.Invoke(request);
        }
        catch (Exception e)
        {
            CniException told = Describe(e, verbs);
            process.WriteStderr($"and what ADD made could not be taken back, DEL has to: {told.Message} {told.Details}");
        }
    }

    /// <summary>The specification's error document (SPEC section 5, "Error").</summary>
    /// <param name="error">what happened</param>
    /// <param name="version">the protocol version in use</param>
    public static byte[] ErrorDocument(CniException error, CniVersion version) =>
        CniJson.Write(w =>
        {
            w.WriteStartObject();
            w.WriteString("cniVersion", version.ToString());
            w.WriteNumber("code", (uint)error.Code);
            w.WriteString("msg", error.Message);
            if (error.Details.Length > 0)
            {
                w.WriteString("details", error.Details);
            }

            w.WriteEndObject();
        });

    private static byte[]? Answer(CniVerbTable verbs, string command, ICniProcess process, ref CniVersion version, ref CniRequest? request)
    {
        if (command.Length == 0)
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                "invalid environment variables: CNI_COMMAND",
                "CNI_COMMAND: missing or empty"
            );
        }

        if (!CniVerbs.TryParse(command, out CniVerb verb))
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                "invalid environment variables: CNI_COMMAND",
                $"CNI_COMMAND: expected ADD, DEL, CHECK, GC, STATUS or VERSION, got '{ConfigReader.Shorten(command, 100)}'"
            );
        }

        if (verb == CniVerb.Version)
        {
            return VersionDocument(process);
        }

        if (verbs[verb] is not Func<CniRequest, CniResult?> handler)
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                "invalid environment variables: CNI_COMMAND",
                $"CNI_COMMAND: this plugin does not offer {command}"
            );
        }

        CniEnvironment.RefuseEndlessDelegation(process.Environment);
        request = CniRequest.Read(verb, process, out version);
        CniResult? result = handler(request);
        return verb == CniVerb.Add ? (result ?? throw new InvalidOperationException("ADD made no result")).ToJson(request.Version) : null;
    }

    /// <summary>
    /// VERSION answers from nothing but CNI_COMMAND: some runtimes ask before every operation, with all other variables set to "dummy".
    /// It repeats the cniVersion of the input when there is one that can be read.
    /// </summary>
    private static byte[] VersionDocument(ICniProcess process)
    {
        CniVersion asked = VersionOnStdin(process) ?? CniVersion.Latest;
        return CniJson.Write(w =>
        {
            w.WriteStartObject();
            w.WriteString("cniVersion", asked.ToString());
            w.WriteStartArray("supportedVersions");
            foreach (CniVersion supported in CniVersion.Supported)
            {
                w.WriteStringValue(supported.ToString());
            }

            w.WriteEndArray();
            w.WriteEndObject();
        });
    }

    private static CniVersion? VersionOnStdin(ICniProcess process)
    {
        try
        {
            return
                CniJson.TryParse(process.ReadStdin(CniRequest.MaxInput), out JsonElement root, out _)
                && root.TryGetProperty("cniVersion", out JsonElement at)
                && at.ValueKind == JsonValueKind.String
                && CniVersion.TryParse(at.GetString()!, out CniVersion version)
                ? version
                : null;
        }
        catch (Exception e) when (e is IOException or CniException)
        {
            return null; // the question is which versions there are; the answer does not depend on the input
        }
    }

    private static CniException Describe(Exception e, CniVerbTable verbs)
    {
        if (e is CniException known)
        {
            return known;
        }

        try
        {
            if (verbs.Translate?.Invoke(e) is CniException translated)
            {
                return translated;
            }
        }
        catch (Exception inTranslation)
        {
            e = new AggregateException(e, inTranslation);
        }
        return e is IOException or UnauthorizedAccessException
            ? new CniException(CniErrorCode.IoFailure, "input or output failed", e.Message, e)
            : new CniException(
                CniErrorCode.Internal,
                "internal error: this is a defect of the plugin",
                $"{e.GetType().Name}: {e.Message}",
                e
            );
    }
}
