using System.Net;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>The agent, what it last heard of etcd, and the lease it keeps.</summary>
internal static class AgentCheck
{
    public static void Run(Findings to, NetworkView network)
    {
        if (!network.Agent.Needed)
        {
            return;
        }

        AgentStatus agent = network.Agent;
        if (agent.Problem is { } problem)
        {
            to.Fail(
                "agent",
                problem,
                agent.Pid is null ? "start it: systemctl start twilld"
                    : agent.Error is null ? "it hangs: restart it (systemctl restart twilld), which disturbs no traffic"
                    : "do what it says; its log says more: journalctl -u twilld"
            );
        }
        else
        {
            string etcd =
                network.Conf.Ipam.Etcd is null ? ""
                : agent.EtcdAge is double age ? $"; etcd answered {Format.Time(age)} ago"
                : "; etcd has not answered yet";
            to.Ok("agent", $"twilld (pid {agent.Pid}) reported {Format.Time(agent.ReportAge ?? 0)} ago{etcd}");
        }

        Lease(to, network);
    }

    private static void Lease(Findings to, NetworkView network)
    {
        if (network.Conf.Ipam.Etcd is not { } etcd)
        {
            return;
        }

        string endpoints = string.Join(", ", etcd.Endpoints);
        if (network.Subnet is not { Subnets.Count: > 0 } file)
        {
            if (network.Agent.Pid is not null)
            {
                to.Fail(
                    "lease",
                    "this host holds no subnet: no container gets an address",
                    $"see the agent's error above; etcd endpoints: {endpoints}"
                );
            }
            else
            {
                to.Warn("lease", "this host holds no subnet yet", "the agent leases one when it starts, or twill-ipam at the first ADD");
            }

            return;
        }
        LeaseStatus lease = LeaseStatus.Of(file);
        if (lease.Problem is { } problem)
        {
            to.Fail("lease", problem, $"bring etcd back, or the way to it ({endpoints}); running containers keep their network");
        }
        else
        {
            to.Ok(
                "lease",
                $"{string.Join(", ", file.Subnets)}, renewed {Format.Time(lease.Age ?? 0)} ago, {Format.Time(lease.Left ?? 0)} left"
            );
        }

        foreach (IPNetwork lost in file.Lost)
        {
            to.Fail(
                "lease",
                $"subnet {lost} is another host's now, and containers here still have addresses of it",
                "restart those containers"
            );
        }
    }
}
