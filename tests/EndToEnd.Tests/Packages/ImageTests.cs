using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Runtimes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>The image: loaded and run by podman, in the place of an agent that is installed.</summary>
public sealed class ImageTests(BuiltPackages packages) : IClassFixture<BuiltPackages>
{
    [RequiresRootFact]
    public void The_agent_of_the_image_joins_a_cluster_whose_etcd_has_TLS()
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { Tls = true });
        LabHost host = cluster.NewHost("host", Secure),
            other = cluster.Join("other", Secure);
        void Secure(JsonObject conf) => conf.Ipam()["etcd"]!["caFile"] = "/etc/cni/net.d/ca.pem";
        foreach (LabHost each in cluster.Hosts)
        {
            each.Write("/etc/cni/net.d/ca.pem", File.ReadAllText(cluster.Etcd.Certificates!.CaFile));
        }

        using RuntimeNamespaces place = RuntimeNamespaces.On(host);
        Podman podman = new(place);
        podman.Do("load", "--input", packages.Image);
        string image = $"localhost/twill:{BuiltPackages.Version}";
        string[] run = ["run", "--network", "host", "--ulimit", "host", "--rm"];
        podman.Do([.. run, image, "--version"]).Should().Be($"twilld {BuiltPackages.Version}");
        podman.Do([.. run, "--entrypoint", "/opt/cni/bin/twill", image, "--version"]).Should().StartWith("twill ");

        place.Sh("mkdir -p /run/twill /var/lib/cni/twill");
        podman.Do([
            .. run,
            "--detach",
            "--name=agent",
            "--pid=host",
            "--privileged",
            "--volume=/etc/cni/net.d:/etc/cni/net.d:ro",
            "--volume=/run:/run",
            "--volume=/var/lib/cni:/var/lib/cni",
            image,
        ]);

        Eventually.True(
            "it has a lease",
            () => cluster.LeaseOf(host) is not null,
            TimeSpan.FromSeconds(30),
            () => podman.Try("logs", "agent").ToString()
        );
        Eventually.True("it made its device", () => host.HasLink("twill.1"));
        LabContainer here = host.AddContainer("here");
        string there = other.AddContainer("there").Address;
        Eventually.True("containers reach each other", () => here.CanPing(there), onFailure: () => podman.Try("logs", "agent").ToString());
        podman.Remove("agent");
    }

    [RequiresRootFact]
    public void The_image_has_the_programs_and_the_libraries_that_they_load_and_no_more()
    {
        using TempDir directory = TempDir.Create();
        Cmd.Run("tar", ["-C", directory.Path, "-xzf", packages.Image]).OrThrow();
        JsonNode Blob(JsonNode named) => JsonNode.Parse(File.ReadAllText(Named(named)))!;
        string Named(JsonNode named) => directory.At($"blobs/{(string)named["digest"]!}".Replace(':', '/'));
        JsonNode manifest = Blob(JsonNode.Parse(File.ReadAllText(directory.At("index.json")))!["manifests"]!.AsArray().Single()!);
        string layer = Named(manifest["layers"]!.AsArray().Single()!);

        string[] files =
        [
            .. Cmd.Run("tar", ["-tf", layer]).OrThrow().Stdout.Split('\n').Where(name => name.Length > 0 && !name.EndsWith('/')),
        ];

        files
            .Where(name => !name.StartsWith("usr/share/doc/", StringComparison.Ordinal))
            .Should()
            .BeEquivalentTo(
                "etc/nsswitch.conf",
                "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
                "lib/x86_64-linux-gnu/libc.so.6",
                "lib/x86_64-linux-gnu/libcrypto.so.3",
                "lib/x86_64-linux-gnu/libdl.so.2",
                "lib/x86_64-linux-gnu/libm.so.6",
                "lib/x86_64-linux-gnu/libpthread.so.0",
                "lib/x86_64-linux-gnu/librt.so.1",
                "lib/x86_64-linux-gnu/libssl.so.3",
                "lib64/ld-linux-x86-64.so.2",
                "opt/cni/bin/twill",
                "opt/cni/bin/twill-ipam",
                "opt/cni/bin/twilld",
                "var/run"
            );
        JsonNode config = Blob(manifest["config"]!);
        ((string?)config["config"]!["Labels"]!["org.opencontainers.image.version"]).Should().Be(BuiltPackages.Version);
        ((string?)config["config"]!["Labels"]!["twill.libraries"]).Should().MatchRegex("^libc6 [0-9].*, libssl3 [0-9]");
        Figures.Report("image", $"{new FileInfo(packages.Image).Length / 1000} kB");
    }
}
