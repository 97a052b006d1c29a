using Twill.Testing;

namespace Twill.Cluster.Tests.Etcd;

public sealed class EtcdOptionsTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();

    [Theory]
    [InlineData("", "'' is not an etcd endpoint")]
    [InlineData("10.0.0.1:2379", "'10.0.0.1:2379' is not an etcd endpoint; expected http://host:port")]
    [InlineData("ftp://10.0.0.1", "'ftp://10.0.0.1'")]
    [InlineData("http://10.0.0.1:2379/v3", "nothing after the port, such as http://10.0.0.1:2379")]
    [InlineData("http://10.0.0.1:99999", "'http://10.0.0.1:99999'")]
    public void A_bad_endpoint_is_told_with_its_text(string endpoint, string told) =>
        Problem(new EtcdOptions([endpoint])).Should().Contain(told);

    [Theory]
    [InlineData("http://admin:hunter2@10.0.0.1:2379")]
    [InlineData("http//admin:hunter2@10.0.0.1")]
    public void A_password_in_an_endpoint_is_refused_and_not_repeated(string endpoint) =>
        Problem(new EtcdOptions([endpoint])).Should().NotContain("hunter2");

    [Fact]
    public void No_endpoint_at_all_is_told() => Problem(new EtcdOptions([])).Should().Contain("no etcd endpoint");

    [Fact]
    public void Files_that_cannot_be_used_are_told_with_key_file_and_reason()
    {
        TestCertificates files = TestCertificates.Create(_dir.Path);
        string garbage = _dir.Write("garbage.pem", "no certificate");
        string broken = _dir.Write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        string missing = _dir.At("missing.pem");
        EtcdOptions tls = new(["https://localhost:1"]);

        Problem(tls with { CaFile = missing }).Should().Contain($"caFile {missing}").And.Contain("does not exist");
        Problem(tls with { CaFile = _dir.Path }).Should().Contain("it is a directory");
        Problem(tls with { CaFile = garbage }).Should().Contain($"caFile {garbage} holds no certificate");
        Problem(tls with { CaFile = broken }).Should().Contain($"caFile {broken}").And.Contain("content");
        Problem(tls with { CertFile = files.ClientCertFile }).Should().Contain("without keyFile");
        Problem(tls with { KeyFile = files.ClientKeyFile }).Should().Contain("without certFile");
        Problem(tls with { CertFile = files.ClientCertFile, KeyFile = missing })
            .Should()
            .Contain($"keyFile {missing}")
            .And.Contain("does not exist");
        Problem(tls with { CertFile = files.ClientCertFile, KeyFile = files.ServerKeyFile })
            .Should()
            .Contain($"keyFile {files.ServerKeyFile}")
            .And.Contain(files.ClientCertFile);
        Problem(tls with { CertFile = garbage, KeyFile = files.ClientKeyFile })
            .Should()
            .Contain($"certFile {garbage} holds no certificate");
    }

    [Fact]
    public void A_user_needs_a_password_file_that_can_be_read()
    {
        EtcdOptions options = new(["http://localhost:1"]);
        string missing = _dir.At("missing"),
            empty = _dir.Write("empty", "\n");

        Problem(options with { Username = "tw" }).Should().Contain("'tw'").And.Contain("without passwordFile");
        Problem(options with { PasswordFile = missing }).Should().Contain("without username");
        Problem(options with { Username = "tw", PasswordFile = missing }).Should().Contain($"passwordFile {missing}");
        Problem(options with { Username = "tw", PasswordFile = empty }).Should().Contain($"passwordFile {empty} is empty");
    }

    [Theory]
    [InlineData("mkfifo F", "is empty (or no ordinary file)")] // opening it would wait for a writer
    [InlineData("ln -s /dev/zero F", "is empty (or no ordinary file)")]
    [InlineData("mkfifo f2; ln -s f2 F", "is empty (or no ordinary file)")]
    [InlineData("truncate -s 2M F", "is larger than 1 MB")]
    public void A_file_without_end_or_beginning_is_not_read(string make, string told)
    {
        TestCertificates files = TestCertificates.Create(_dir.Path);
        Cmd.Sh($"cd {_dir.Path}; {make}");
        string odd = _dir.At("F");
        EtcdOptions tls = new(["https://localhost:1"]);

        Problem(new EtcdOptions(["http://localhost:1"], Username: "tw", PasswordFile: odd)).Should().Contain($"passwordFile {odd} {told}");
        Problem(tls with { CaFile = odd }).Should().Contain($"caFile {odd} {told}");
        Problem(tls with { CertFile = odd, KeyFile = files.ClientKeyFile }).Should().Contain($"certFile {odd} {told}");
        Problem(tls with { CertFile = files.ClientCertFile, KeyFile = odd }).Should().Contain($"keyFile {odd} {told}");
    }

    public void Dispose() => _dir.Dispose();

    private static string Problem(EtcdOptions options)
    {
        Action make = () => new EtcdClient(options).Dispose();
        EtcdException e = make.Should().Throw<EtcdException>().Which;
        (e.Kind, e.IsTransient).Should().Be((EtcdErrorKind.Configuration, false));
        return e.Message;
    }
}
