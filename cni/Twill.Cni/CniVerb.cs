namespace Twill.Cni;

/// <summary>What a runtime can ask of a plugin: the values of CNI_COMMAND (SPEC section 2).</summary>
public enum CniVerb
{
    /// <summary>ADD: attach a container to the network.</summary>
    Add,

    /// <summary>DEL: detach it; best effort, as often as asked.</summary>
    Del,

    /// <summary>CHECK: is the attachment as ADD left it? Since 0.4.0.</summary>
    Check,

    /// <summary>GC: free what belongs to no listed attachment. Since 1.1.0.</summary>
    Gc,

    /// <summary>STATUS: could an ADD succeed now? Since 1.1.0.</summary>
    Status,

    /// <summary>VERSION: which versions does the plugin speak? Answered by <see cref="CniPlugin"/> itself.</summary>
    Version,
}

/// <summary>The verbs' names on the wire and the version that brought each.</summary>
public static class CniVerbs
{
    private static readonly string[] Names = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"];

    /// <summary>The value of CNI_COMMAND for a verb.</summary>
    public static string Name(this CniVerb verb) => Names[(int)verb];

    /// <summary>The first version of the specification that has the verb.</summary>
    public static CniVersion Since(this CniVerb verb) =>
        verb switch
        {
            CniVerb.Check => CniVersion.V0_4_0,
            CniVerb.Gc or CniVerb.Status => CniVersion.V1_1_0,
            _ => CniVersion.V0_1_0,
        };

    /// <summary>Reads a value of CNI_COMMAND; the specification's spelling is upper case.</summary>
    public static bool TryParse(string text, out CniVerb verb)
    {
        int index = Array.IndexOf(Names, text);
        verb = (CniVerb)Math.Max(index, 0);
        return index >= 0;
    }
}
