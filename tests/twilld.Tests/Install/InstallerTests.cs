using System.Runtime.Versioning;
using Twill.Agent.Install;
using Twill.Testing;

namespace Twill.Agent.Tests.Install;

[SupportedOSPlatform("linux")]
public sealed class InstallerTests : IDisposable
{
    private const UnixFileMode OwnerReads = UnixFileMode.UserRead,
        Executable = (UnixFileMode)0b111_101_101;

    private readonly TempDir _directory = TempDir.Create();
    private readonly MemoryStream _log = new();

    public InstallerTests()
    {
        foreach (string directory in new[] { "image", "host/bin", "host/net.d", "keys" })
        {
            Directory.CreateDirectory(_directory.At(directory));
        }

        foreach (string plugin in Installer.Plugins)
        {
            File.WriteAllText(At($"image/{plugin}"), $"new {plugin}");
        }
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Plugins_are_put_beside_others_as_new_files_and_one_that_runs_goes_on_with_its_own()
    {
        File.WriteAllText(At("host/bin/other"), "other");
        File.WriteAllText(At("host/bin/twill"), "old");
        using StreamReader running = new(File.OpenRead(At("host/bin/twill")));

        Install();

        running.ReadToEnd().Should().Be("old");
        File.ReadAllText(At("host/bin/twill")).Should().Be("new twill");
        File.ReadAllText(At("host/bin/twill-ipam")).Should().Be("new twill-ipam");
        File.GetUnixFileMode(At("host/bin/twill")).Should().Be(Executable);
        Names("host/bin").Should().BeEquivalentTo("other", "twill", "twill-ipam");
    }

    [Fact]
    public void What_is_there_is_not_written_again_and_what_differs_in_its_mode_is()
    {
        Install();
        DateTime old = DateTime.UnixEpoch;
        File.SetLastWriteTimeUtc(At("host/bin/twill"), old);
        File.SetUnixFileMode(At("host/bin/twill-ipam"), OwnerReads);

        Install();

        File.GetLastWriteTimeUtc(At("host/bin/twill")).Should().Be(old);
        File.GetUnixFileMode(At("host/bin/twill-ipam")).Should().Be(Executable);
        Log.Should().Contain($"{At("host/bin/twill")} is as it should be");
    }

    [Fact]
    public void A_link_in_a_plugins_place_is_replaced_and_not_followed_and_what_a_killed_call_left_is_used_up()
    {
        File.WriteAllText(At("elsewhere"), "kept");
        File.CreateSymbolicLink(At("host/bin/twill"), At("elsewhere"));
        File.WriteAllText(At("host/bin/.twill.tmp"), "half, and longer than what is to come");

        Install();

        File.ReadAllText(At("elsewhere")).Should().Be("kept");
        new FileInfo(At("host/bin/twill")).LinkTarget.Should().BeNull();
        File.ReadAllText(At("host/bin/twill")).Should().Be("new twill");
        Names("host/bin").Should().BeEquivalentTo("twill", "twill-ipam");
    }

    [Fact]
    public void Files_of_a_mounted_secret_are_copied_with_their_modes_and_not_its_links()
    {
        Directory.CreateDirectory(At("keys/..1"));
        File.WriteAllText(At("keys/..1/key.pem"), "secret");
        File.SetUnixFileMode(At("keys/..1/key.pem"), OwnerReads);
        File.CreateSymbolicLink(At("keys/..data"), "..1");
        File.CreateSymbolicLink(At("keys/key.pem"), "..data/key.pem");

        Install((At("keys"), At("host/net.d/twill.d")));

        Names("host/net.d/twill.d").Should().BeEquivalentTo("key.pem");
        File.ReadAllText(At("host/net.d/twill.d/key.pem")).Should().Be("secret");
        File.GetUnixFileMode(At("host/net.d/twill.d/key.pem")).Should().Be(OwnerReads);
        new FileInfo(At("host/net.d/twill.d/key.pem")).LinkTarget.Should().BeNull();
    }

    [Fact]
    public void An_empty_directory_of_keys_is_none()
    {
        Install((At("keys"), At("host/net.d/twill.d")));

        Names("host/net.d/twill.d").Should().BeEmpty();
    }

    [Fact]
    public void A_directory_that_is_not_mounted_is_named_and_not_made()
    {
        Action bin = () => new Installer(NewLog()).Run(At("image"), At("nowhere"), []),
            from = () => Install((At("none"), At("host/net.d"))),
            to = () => Install((At("keys"), At("nowhere/net.d")));

        bin.Should().Throw<DirectoryNotFoundException>().WithMessage($"--install: *{At("nowhere")}: mount *");
        from.Should().Throw<DirectoryNotFoundException>().WithMessage($"--install-files: *{At("none")} *");
        to.Should().Throw<DirectoryNotFoundException>().WithMessage($"--install-files: *{At("nowhere")}: mount *");
        Directory.Exists(At("nowhere")).Should().BeFalse();
    }

    [Fact]
    public void Too_many_files_are_refused_before_one_is_copied()
    {
        for (int i = 0; i <= Installer.MostFiles; i++)
        {
            File.WriteAllText(At($"keys/{i}"), "");
        }

        Action install = () => Install((At("keys"), At("host/net.d/twill.d")));

        install.Should().Throw<IOException>().WithMessage($"*{At("keys")} has more than 100 files");
        Directory.Exists(At("host/net.d/twill.d")).Should().BeFalse();
    }

    [Fact]
    public void A_directory_in_a_plugins_place_is_named()
    {
        Directory.CreateDirectory(At("host/bin/twill"));

        Action install = () => Install();

        install.Should().Throw<IOException>().WithMessage($"*{At("host/bin/twill")}*");
        Names("host/bin").Should().BeEmpty();
    }

    private string Log => global::System.Text.Encoding.UTF8.GetString(_log.ToArray());

    private Log NewLog() => new(_log, LogLevel.Info, LogFormat.Text, TimeProvider.System);

    private void Install(params (string From, string To)[] files) => new Installer(NewLog()).Run(At("image"), At("host/bin"), files);

    private string At(string name) => _directory.At(name);

    private IEnumerable<string> Names(string directory) => Directory.GetFiles(At(directory)).Select(path => Path.GetFileName(path));
}
