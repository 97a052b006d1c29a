using Twill.Cni;
using Twill.Ipam.Verbs;

namespace Twill.Ipam;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        var process = new CniProcess();
        CniVerbTable verbs = Verbs(new Lazy<IpamHost>(() => IpamHost.Of(process)));
        verbs.WithoutCommand = () => Usage.Print(process, arguments);
        return CniPlugin.Run(verbs, process);
    }

    /// <summary>The verbs on a machine.</summary>
    internal static CniVerbTable Verbs(Lazy<IpamHost> host) =>
        new()
        {
            [CniVerb.Add] = request => Add.Run(request, host.Value),
            [CniVerb.Del] = request => Del.Run(request, host.Value),
            [CniVerb.Check] = request => Check.Run(request, host.Value),
            [CniVerb.Gc] = request => Gc.Run(request, host.Value),
            [CniVerb.Status] = request => Status.Run(request, host.Value),
            Translate = ErrorMapping.Translate,
        };
}
