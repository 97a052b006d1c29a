namespace Twill.Cni.Tests;

/// <summary>This assembly as a plugin, for tests of a real process: <c>dotnet exec Twill.Cni.Tests.dll</c>.</summary>
internal static class Program
{
    /// <summary>Milliseconds of silence on standard input that it bears; unset: as long as any plugin.</summary>
    internal const string Silence = "TWILL_TEST_SILENCE";

    internal static int Main() =>
        CniPlugin.Run(
            Calls.AllVerbs(),
            int.TryParse(Environment.GetEnvironmentVariable(Silence), out int milliseconds)
                ? new Cni.CniProcess(TimeSpan.FromMilliseconds(milliseconds))
                : new Cni.CniProcess()
        );
}
