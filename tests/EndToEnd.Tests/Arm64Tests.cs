using System.Buffers.Binary;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>
/// The programs for arm64, run by qemu: they start, read, answer and fail as those for x64 do. What they do to a network needs an
/// arm64 kernel.
/// </summary>
[Trait("Programs", "further")]
public sealed class Arm64Tests : IDisposable
{
    // Or an ADD that fails leaves the network's state on this machine, where the runtime would send a DEL.
    private readonly TempDir _state = TempDir.Create();

    private const ushort MachineAArch64 = 183;

    // Where Debian's libc6-arm64-cross has the loader and the C library of programs that are not static.
    private static readonly string[] s_qemu = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"];

    public static TheoryData<string, string> FailingAdds =>
        new()
        {
            { "twill", """{"cniVersion":"1.0.0","name":"n","type":"twill","ipam":{"type":"twill-ipam","subnet":"10.1.0.0/24"}}""" },
            { "twill", """{"cniVersion":"1.0.0","name":"n","type":"twill","bridge":7}""" },
            { "twill", "{" },
            { "twill-ipam", """{"cniVersion":"1.0.0","name":"n","type":"twill","ipam":{"type":"twill-ipam","subnet":"10.1.0/24"}}""" },
            { "twill-ipam", """{"cniVersion":"9.9.9","name":"n","type":"twill"}""" },
        };

    [Theory]
    [InlineData("twill")]
    [InlineData("twill-ipam")]
    [InlineData("twilld")]
    public void Every_program_is_there_for_arm64_and_tells_the_same_version(string program)
    {
        string path = RepoPaths.Arm64Program(program);
        BinaryPrimitives.ReadUInt16LittleEndian(File.ReadAllBytes(path).AsSpan(18)).Should().Be(MachineAArch64);

        string told = Cmd.Run(s_qemu[0], [.. s_qemu[1..], path, "--version"]).OrThrow().Stdout;

        told.Should().StartWith(program).And.Be(Cmd.Run(RepoPaths.Program(program), ["--version"]).OrThrow().Stdout);
    }

    [Theory]
    [InlineData("twill")]
    [InlineData("twill-ipam")]
    public void A_plugin_answers_VERSION_as_its_twin_does(string program)
    {
        const string Request = """{"cniVersion":"1.1.0"}""";

        CniAnswer answer = OnArm64(program).Run("VERSION", Request).OrThrow();

        answer.Json.GetProperty("supportedVersions").GetArrayLength().Should().BeGreaterThan(3);
        answer.Should().Be(OnX64(program).Run("VERSION", Request));
    }

    [Theory]
    [MemberData(nameof(FailingAdds))]
    public void An_add_that_cannot_be_fails_with_the_same_words(string program, string config)
    {
        CniAnswer answer = OnArm64(program).Add(config);

        answer.ExitCode.Should().NotBe(0);
        answer.ErrorCode.Should().BePositive();
        answer.Should().Be(OnX64(program).Add(config));
    }

    public void Dispose() => _state.Dispose();

    private CniProcess OnArm64(string program) => Called(RepoPaths.Arm64Program(program)) with { Prefix = s_qemu };

    private CniProcess OnX64(string program) => Called(RepoPaths.Program(program));

    private CniProcess Called(string path) =>
        new(path)
        {
            ContainerId = "c1",
            IfName = "eth0",
            Netns = "/run/netns/there-is-no-such",
            PluginPath = "/nowhere",
            Env = new Dictionary<string, string?> { ["TWILL_STATE_DIR"] = _state.Path },
        };
}
