using System.Globalization;
using System.Text;
using Twill.Agent.Up;
using Twill.Cni;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent.Support;

/// <summary><c>twill support</c>: one archive of what somebody needs who looks for a fault from elsewhere.</summary>
internal sealed class SupportCommand(SupportOptions options, StateDir state, string version, TextWriter to)
{
    /// <summary>Writes it.</summary>
    /// <exception cref="IOException">it cannot be written</exception>
    internal async Task RunAsync(CancellationToken stop)
    {
        string time = DateTime.UtcNow.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture),
            path = Path.GetFullPath(options.Out ?? $"twill-support-{Environment.MachineName}-{time}.tar");
        SupportContent content = new("", options.ConfDir, state.Root);
        Redaction redaction = content.FindSecrets(NetworkConfigList.Load(options.ConfDir, BackendTable.All).Networks);
        using SupportArchive archive = new(path);
        archive.Add("versions.txt", redaction.Text(await VersionsAsync(stop).ConfigureAwait(false)));
        foreach ((string name, string file) in content.Configurations)
        {
            archive.Add(name, redaction.Json(SupportContent.Read(file)));
        }

        foreach ((string name, string file) in content.State)
        {
            archive.Add(name, redaction.Text(SupportContent.Read(file)));
        }

        archive.Add("kernel/parameters.txt", content.Parameters());
        foreach (string command in (string[])["status", "peers", "doctor"])
        {
            archive.Add($"checks/{command}.txt", redaction.Text(await AskAsync(Beside("twill"), [command], stop).ConfigureAwait(false)));
        }

        foreach ((string name, string program, string[] arguments) in SupportContent.Commands)
        {
            archive.Add($"{name}.txt", redaction.Text(await AskAsync(program, arguments, stop).ConfigureAwait(false)));
        }

        archive.Finish();
        Tell(path, archive);
    }

    private async Task<string> VersionsAsync(CancellationToken stop)
    {
        StringBuilder all = new($"twilld {version}\n");
        foreach (string plugin in (string[])[TwillConf.MainPlugin, TwillConf.IpamPlugin])
        {
            all.Append(await AskAsync(Beside(plugin), ["--version"], stop).ConfigureAwait(false));
        }

        return all.Append(SupportContent.Read("/proc/version")).Append(SupportContent.Read("/etc/os-release")).ToString();
    }

    private static string Beside(string program) =>
        Path.Combine(Path.GetDirectoryName(Environment.ProcessPath) ?? ContainerdNeeds.PluginDir, program);

    /// <summary>What was asked, and what came of it.</summary>
    private static async Task<string> AskAsync(string program, string[] arguments, CancellationToken stop)
    {
        (int exitCode, string output) = await HelperProgram.RunAsync(program, arguments, stop).ConfigureAwait(false);
        string command = $"{Path.GetFileName(program)} {string.Join(' ', arguments)}";
        return $"# {command}{(exitCode == 0 ? "" : $" (exit code {exitCode})")}\n{output}\n";
    }

    private void Tell(string path, SupportArchive archive)
    {
        if (!options.Json)
        {
            string what = $"{archive.Names.Count} files, without passwords and keys";
            to.WriteLine($"wrote {path}: {what}; look into it before you give it to anybody");
            return;
        }

        to.Write(
            Encoding.UTF8.GetString(
                CniJson.Write(
                    w =>
                    {
                        w.WriteStartObject();
                        w.WriteString("archive", path);
                        w.WriteStartArray("files");
                        foreach (string name in archive.Names)
                        {
                            w.WriteStringValue(name);
                        }

                        w.WriteEndArray();
                        w.WriteEndObject();
                    },
                    indented: true
                )
            )
        );
    }
}
