using Twill.Agent.Attach;
using Twill.System;

namespace Twill.Agent.Tests.Attach;

/// <summary>What a person calls a container is found, or it is told who was asked and what else it may mean.</summary>
public sealed class ContainerFinderTests
{
    private const string Web = "4f2c0000",
        Db = "4f2d0000";

    private static readonly Runtime s_docker = new(
        "docker",
        new KnownContainer("docker", Web, ["web", "4711"], null),
        new KnownContainer("docker", Db, ["db", "4f2c"], 0)
    );

    private static readonly Runtime s_containerd = new(
        "containerd",
        new KnownContainer("containerd", Web, [], 12),
        new KnownContainer("containerd", "aaaa", ["web"], 13)
    );

    [Theory]
    [InlineData("docker:web", "docker", Web, 7)]
    [InlineData(Web, "docker", Web, 7)] // Docker's containers are containerd's as well
    [InlineData("containerd:web", "containerd", "aaaa", 13)]
    [InlineData("aa", "containerd", "aaaa", 13)]
    public async Task A_container_is_found_by_name_id_or_how_the_id_begins(string text, string runtime, string id, int pid)
    {
        FoundContainer found = await Find(text, s_docker, s_containerd);

        found.Runtime.Should().Be(runtime);
        found.Id.Should().Be(id);
        found.NetnsPath.Should().Be($"/proc/{pid}/ns/net");
    }

    [Fact]
    public async Task A_name_counts_more_than_how_an_id_begins()
    {
        Func<Task> find = () => Find("4f2c", s_docker);

        (await find.Should().ThrowAsync<IOException>()).WithMessage("container db of docker does not run*");
    }

    [Fact]
    public async Task What_may_mean_two_is_refused_naming_both()
    {
        await Refused("web", "'web' may mean docker:4f2c0000 (web), containerd:aaaa (web): say which", s_docker, s_containerd);
        await Refused("4f2", "*docker:4f2c0000 (web), docker:4f2d0000 (db)*", s_docker);
        string self = Environment.ProcessId.ToString();
        Runtime called = new("docker", new KnownContainer("docker", Web, [self], 7));
        await Refused(self, $"*docker:{Web} ({self}), pid:{self}: say which", called);
    }

    [Fact]
    public async Task Who_was_asked_is_told_when_nobody_knows_it()
    {
        await Refused(
            "nobody",
            "no container 'nobody' on this host; asked were docker (2 containers); podman (it is not installed); containerd (it hangs)",
            s_docker,
            new Runtime("podman") { Absence = "it is not installed" },
            new Runtime("containerd") { Failure = "it hangs" }
        );
        await Refused("pid:x", "no process x*", s_docker);
        await Refused("lxc:x", "*expected one of docker, pid before ':'*", s_docker);
    }

    [Fact]
    public async Task A_runtime_that_does_not_answer_hides_no_other_and_is_told_when_it_is_named()
    {
        Runtime broken = new("podman") { Failure = "it hangs" };

        (await Find("db2", broken, new Runtime("docker", new KnownContainer("docker", Db, ["db2"], 9)))).Id.Should().Be(Db);
        Func<Task> named = () => Find("podman:db2", broken);
        (await named.Should().ThrowAsync<IOException>()).WithMessage("it hangs");
    }

    [Fact]
    public async Task A_process_has_the_id_of_its_namespace_by_whatever_way()
    {
        FoundContainer byPid = await Find($"{Environment.ProcessId}", s_docker),
            byPath = await Find("/proc/self/ns/net", s_docker);

        byPid.Runtime.Should().Be("pid");
        byPath.Runtime.Should().Be("path");
        byPid.Id.Should().StartWith("netns-").And.Be(byPath.Id);
    }

    [Fact]
    public void Podmans_list_is_read_with_a_warning_behind_it()
    {
        const string Output = """
            [{"Id":"aa","Names":["web"],"Pid":17,"State":"running"},{"Id":"bb","Names":["off"],"Pid":0,"State":"exited"}]
            WARN[0000] something
            """;

        PodmanRuntime
            .Parse(Output)
            .Should()
            .BeEquivalentTo([new KnownContainer("podman", "aa", ["web"], 17), new KnownContainer("podman", "bb", ["off"], 0)]);
        PodmanRuntime.Parse("").Should().BeEmpty();
        Action torn = () => PodmanRuntime.Parse("[{\"Id\":");
        torn.Should().Throw<IOException>();
    }

    [Fact]
    public void Containerds_messages_are_read_and_fields_that_nobody_knows_passed_over()
    {
        // tasks: { 1: "aa" 3: 17 4: RUNNING 9: "x" }, { 2: "bb" 3: 18 4: STOPPED }; 7: 1
        byte[] tasks =
        [
            0x0a, 0x0b, 0x0a, 2, (byte)'a', (byte)'a', 0x18, 17, 0x20, 2, 0x4a, 1, (byte)'x',
            0x0a, 0x08, 0x12, 2, (byte)'b', (byte)'b', 0x18, 18, 0x20, 3,
            0x38, 1,
        ];
        byte[] containers = [0x0a, 0x0c, 0x0a, 2, (byte)'a', (byte)'a', 0x12, 6, 0x0a, 1, (byte)'k', 0x12, 1, (byte)'v'];

        ContainerdRuntime.ReadTasks(tasks).Should().Equal(new Dictionary<string, int> { ["aa"] = 17 });
        (string id, Dictionary<string, string> labels) = ContainerdRuntime.ReadContainers(containers).Single();
        id.Should().Be("aa");
        labels.Should().Equal(new Dictionary<string, string> { ["k"] = "v" });
        ContainerdRuntime.ReadNamespaces([0x0a, 5, 0x0a, 3, (byte)'m', (byte)'o', (byte)'b']).Should().Equal("mob");
    }

    private static Task<FoundContainer> Find(string text, params IContainerRuntime[] runtimes) =>
        new ContainerFinder(runtimes).FindAsync(text, CancellationToken.None);

    private static async Task Refused(string text, string message, params IContainerRuntime[] runtimes)
    {
        Func<Task> find = () => Find(text, runtimes);
        (await find.Should().ThrowAsync<UsageException>()).WithMessage(message);
    }

    private sealed class Runtime(string name, params KnownContainer[] containers) : IContainerRuntime
    {
        internal string? Absence { get; init; }

        internal string? Failure { get; init; }

        public string Name => name;

        public Task<RuntimeAnswer> ListAsync(CancellationToken stop) =>
            Failure is null ? Task.FromResult(new RuntimeAnswer(containers, Absence)) : throw new IOException(Failure);

        public Task<int> PidOfAsync(KnownContainer container, CancellationToken stop) => Task.FromResult(7);
    }
}
