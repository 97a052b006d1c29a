using Twill.Network.Configuration;
using Twill.Plugin.Cli;

namespace Twill.Plugin.Tests.Cli;

public sealed class EtcdctlCommandTests
{
    [Fact]
    public void It_is_the_networks_user_whose_password_comes_from_its_file() =>
        EtcdctlCommand
            .Of(new EtcdConf(["https://a:2379", "https://b:2379"], "/twill/twill", null, null, null, "twill", "/etc/twill/pass word"))
            .Should()
            .Be(
                "ETCDCTL_PASSWORD=\"$(cat '/etc/twill/pass word')\" etcdctl --endpoints=https://a:2379,https://b:2379 --user=twill"
            );

    [Fact]
    public void Certificates_go_with_it_and_what_is_not_set_is_left_out() =>
        EtcdctlCommand
            .Of(new EtcdConf(["https://a:2379"], "/twill/twill", "/ca", "/cert", "/key", null, null))
            .Should()
            .Be("etcdctl --endpoints=https://a:2379 --cacert=/ca --cert=/cert --key=/key");
}
