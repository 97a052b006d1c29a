namespace Twill.Cni;

/// <summary>Which method answers which verb: the one table in a plugin's Program.cs.</summary>
/// <example><code>return CniPlugin.Run(new CniVerbTable { [CniVerb.Add] = Add.Run, [CniVerb.Del] = Del.Run }, new
/// CniProcess());</code></example>
public sealed class CniVerbTable
{
    private readonly Func<CniRequest, CniResult?>?[] _handlers = new Func<CniRequest, CniResult?>?[(int)CniVerb.Version + 1];

    /// <summary>The method for a verb; null when the plugin does not offer it. ADD returns a result, the other verbs null.</summary>
    public Func<CniRequest, CniResult?>? this[CniVerb verb]
    {
        get => _handlers[(int)verb];
        set => _handlers[(int)verb] = value;
    }

    /// <summary>Turns an exception of a lower library (kernel, etcd) into the specification's form; null leaves it to the
    /// dispatcher.</summary>
    public Func<Exception, CniException?>? Translate { get; set; }

    /// <summary>Told of each call at its end, when its answer is written.</summary>
    public Action<CniOutcome>? Ended { get; set; }

    /// <summary>Runs when CNI_COMMAND is not set: the operator's command line, or a line of usage. Returns the exit code.</summary>
    public Func<int>? WithoutCommand { get; set; }
}
