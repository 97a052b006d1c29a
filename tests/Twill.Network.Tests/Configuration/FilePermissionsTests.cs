using Twill.Cni.Tests;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Testing;

namespace Twill.Network.Tests.Configuration;

public sealed class FilePermissionsTests : IDisposable
{
    private readonly TempDir _temp = TempDir.Create();

    [Fact]
    public void Who_else_may_change_records_or_read_secrets_is_told_with_the_command()
    {
        string data = _temp.At("data"),
            key = _temp.Write("key", ""),
            password = _temp.Write("password", "");
        Directory.CreateDirectory($"{data}/net");
        TwillConf conf = TwillConf.Parse(
            Calls.Reader(
                $"{{'name':'net','type':'twill','ipam':{{'type':'twill-ipam','network':'10.244.0.0/16','dataDir':'{data}','etcd':"
                    + $"{{'endpoints':['https://127.0.0.1:1'],'certFile':'{key}','keyFile':'{key}','username':'u',"
                    + $"'passwordFile':'{password}'}}}}}}"
            ),
            BackendTable.All
        );
        Cmd.Sh($"chmod 700 {data}; chmod 755 {data}/net; chmod 600 {key}; chmod 640 {password}");
        FilePermissions.FindLoose(conf).Should().BeEmpty();

        Cmd.Sh($"chmod 777 {data}; chmod 770 {data}/net; chmod 644 {key}; chmod 604 {password}");
        FilePermissions
            .FindLoose(conf)
            .Select(loose => loose.Remedy)
            .Should()
            .Equal($"chmod go-w {data}", $"chmod go-w {data}/net", $"chmod o-rwx {key}", $"chmod o-rwx {password}");
    }

    public void Dispose() => _temp.Dispose();
}
