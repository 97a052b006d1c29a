using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>One host with conf/10-twill-single.conflist: no etcd, no agent.</summary>
public sealed class SingleHost : IDisposable
{
    public SingleHost()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Lab = Lab.Create();
        try
        {
            Host = Lab.AddHost("host");
            Conf = SampleConf.Single();
            Host.Configure(Conf);
        }
        catch
        {
            Lab.Dispose();
            throw;
        }
    }

    internal Lab Lab { get; } = null!;

    internal LabHost Host { get; } = null!;

    internal JsonObject Conf { get; } = null!;

    /// <summary>What a runtime sends to the plugin.</summary>
    internal string Config => Conf.ForPlugin().ToJsonString();

    public void Dispose() => Lab?.Dispose();
}
