using Twill.Cni;
using Twill.Plugin.Verbs;

namespace Twill.Plugin;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        CniProcess process = new();
        return CniPlugin.Run(Table(process, arguments), process);
    }

    /// <summary>VERSION is the dispatcher's own.</summary>
    internal static CniVerbTable Table(ICniProcess process, string[] arguments) =>
        new()
        {
            [CniVerb.Add] = Add.Run,
            [CniVerb.Del] = Del.Run,
            [CniVerb.Check] = Check.Run,
            [CniVerb.Gc] = Gc.Run,
            [CniVerb.Status] = Status.Run,
            Translate = ErrorMapping.Translate,
            WithoutCommand = () => Usage.Print(process, arguments),
        };
}
