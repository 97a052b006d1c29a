namespace Twill.EndToEnd.Tests.Cli.Broken;

/// <summary>What may be wrong with a host's files and processes, and with the way to etcd.</summary>
internal static class FileBreakages
{
    private const string Records = "/var/lib/cni/twill/twill",
        State = "/run/twill/twill",
        Conf = "/etc/cni/net.d",
        File = $"{Conf}/10-twill.conflist",
        Correct = "correct the file";

    internal static readonly Breakage[] All =
    [
        new(
            "a record of an earlier boot",
            $"sed 's/^boot: .*/boot: earlier/' {Records}/$ADDRESS >{Records}/10.244.0.250",
            "leaks",
            "10.244.0.250 (container cnitool-"
        ),
        new(
            "a damaged record",
            $"echo junk >{Records}/10.244.0.250",
            "leaks",
            "address 10.244.0.250 is still recorded: the file is damaged"
        ),
        new(
            "the record of a container that runs, damaged",
            $"cp {Records}/$ADDRESS /run/kept; echo junk >{Records}/$ADDRESS",
            "leaks",
            "address $ADDRESS is still recorded: the file is damaged"
        )
        {
            Advice = "it may be the address of a container that runs here: restart the one that has no address record",
            Person = $"mv /run/kept {Records}/$ADDRESS", // what its DEL and ADD would leave
        },
        new("a record lost", $"mv {Records}/$ADDRESS /run/kept", "leaks", "host end $END (container cnitool-")
        {
            Advice = "restart its container",
            Person = $"mv /run/kept {Records}/$ADDRESS", // what its ADD would write
        },
        new(
            "records that everybody may change",
            $"chmod 777 {Records}",
            "storage",
            $"{Records} can be written by others than its owner: who may do that can take addresses from containers"
        )
        {
            AgentAwake = true,
        },
        new("a broken file beside", $"echo '{{' >{Conf}/99-bad.conflist", "configuration", "99-bad.conflist: not valid JSON at line")
        {
            AgentAwake = true,
            Advice = Correct,
            Person = $"rm {Conf}/99-bad.conflist",
        },
        new(
            "a list without a plugin",
            $"echo '{{\"cniVersion\": \"1.1.0\", \"name\": \"empty\", \"plugins\": []}}' >{Conf}/99-empty.conflist",
            "configuration",
            "99-empty.conflist: $.plugins: expected at least one plugin, got []"
        )
        {
            AgentAwake = true,
            Advice = Correct,
            Person = $"rm {Conf}/99-empty.conflist",
        },
        new(
            "a network with the same bridge",
            $"sed 's/\"name\": *\"twill\"/\"name\":\"second\"/; s/10.244.0.0/10.245.0.0/' {File} >{Conf}/20-second.conflist",
            "configuration",
            "20-second.conflist: bridge: 'twill0' is taken by network 'twill'"
        )
        {
            AgentAwake = true,
            Advice = Correct,
            Person = $"rm {Conf}/20-second.conflist",
        },
        new(
            "a capability twice",
            $"cp {File} /run/kept; "
                + $"sed -i 's/\"plugins\": *\\[/&{{\"type\":\"bandwidth\",\"capabilities\":{{\"bandwidth\":true}}}},/' {File}",
            "configuration",
            "'twill' and 'bandwidth' both have the capability 'bandwidth'"
        )
        {
            AgentAwake = true,
            Advice = Correct,
            Person = $"mv /run/kept {File}",
        },
        new("an unknown backend", $"cp {File} /run/kept; sed -i 's/\"vxlan\"/\"smoke\"/' {File}", "configuration", "smoke")
        {
            AgentAwake = true,
            Advice = Correct,
            Person = $"mv /run/kept {File}",
        },
        new("another network than the cluster's", $"cp {File} /run/kept; sed -i 's/10.244.0.0/10.99.0.0/' {File}", "agent", "10.99.0.0/16")
        {
            AgentAwake = true,
            Advice = "do what it says",
            Person = $"mv /run/kept {File}",
        },
        new(
            "a password file that is missing",
            $"cp {File} /run/kept; "
                + $"sed -i 's/\"endpoints\"/\"username\":\"u\",\"passwordFile\":\"\\/etc\\/twill\\/pw\",&/' {File}",
            "agent",
            "passwordFile /etc/twill/pw cannot be read: it does not exist (ENOENT)"
        )
        {
            AgentAwake = true,
            Advice = "do what it says",
            Person = $"mv /run/kept {File}",
        },
        new("etcd at another address", $"cp {File} /run/kept; sed -i 's/50.200:2379/50.254:2379/' {File}", "agent", "192.168.50.254:2379")
        {
            AgentAwake = true,
            Advice = "do what it says",
            Person = $"mv /run/kept {File}",
        },
        new("state of a network that is gone", "mkdir /run/twill/old", "leftovers", "network 'old' has left")
        {
            Advice = "twill cleanup --network old",
            Person = "/opt/cni/bin/twill cleanup --network old --yes",
        },
        new(
            "an agent that does not report",
            $"sed -i 's/\"bootTime\": [0-9.]*/\"bootTime\": 0/' {State}/agent.json",
            "agent",
            "has not reported for"
        ),
        new(
            "an agent that is gone",
            $"kill -9 $(sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p' {State}/agent.json); sleep 0.2",
            "agent",
            "the agent (twilld) is not running"
        ),
        new("a damaged lease file", $"echo '{{' >{State}/subnet.json", "configuration", "subnet.json: not valid JSON")
        {
            Advice = "remove the file: it is written anew by the agent",
            Person = $"rm {State}/subnet.json",
        },
        new("a damaged node file", $"echo '{{' >{State}/node.json", "configuration", "node.json: not valid JSON")
        {
            Advice = "remove the file: it is written anew by the agent",
            Person = $"rm {State}/node.json",
        },
        new("a damaged report of the agent", $"echo '{{' >{State}/agent.json", "configuration", "agent.json: not valid JSON")
        {
            Advice = "remove the file: it is written anew by the agent",
            Person = $"rm {State}/agent.json",
        },
        new(
            "a lease that ran out",
            $"cp {State}/subnet.json /run/kept; sed -i 's/\"deadline\": .*,/\"deadline\": 1,/' {State}/subnet.json",
            "lease",
            "the lease ran out"
        )
        {
            Advice = "bring etcd back",
            Person = $"mv /run/kept {State}/subnet.json",
        },
    ];
}
