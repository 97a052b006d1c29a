using System.Reflection;
using System.Text;

namespace Twill.Cni;

/// <summary>What every plugin answers to a person who runs it by hand, without <c>CNI_COMMAND</c>.</summary>
public static class CommandLine
{
    /// <summary>Answers nothing, <c>--help</c> (or <c>-h</c>) and <c>--version</c>.</summary>
    /// <param name="process">where to write</param>
    /// <param name="arguments">the command line without the program's name</param>
    /// <param name="program">the program; its name and version are said</param>
    /// <param name="help">what <c>--help</c> says, to the last line break</param>
    /// <param name="otherwise">answers anything else</param>
    /// <returns>the exit code</returns>
    /// <exception cref="IOException">standard output is closed</exception>
    public static int Answer(ICniProcess process, string[] arguments, Assembly program, string help, Func<int> otherwise)
    {
        switch (arguments)
        {
            case [] or ["--help" or "-h"]:
                process.WriteStdout(Encoding.UTF8.GetBytes(help));
                return 0;
            case ["--version"]:
                AssemblyName name = program.GetName();
                process.WriteStdout(Encoding.UTF8.GetBytes($"{name.Name} {name.Version!.ToString(3)} (CNI {CniVersion.SupportedText})\n"));
                return 0;
            default:
                return otherwise();
        }
    }
}
