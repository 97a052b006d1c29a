using System.Net;
using Twill.Cni;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Capabilities;

/// <summary>
/// <c>names</c>: what the container is found by. Names come from <c>NAME=</c> in CNI_ARGS, from <c>args.cni.names</c>, and from the pod's
/// name that runtimes give in CNI_ARGS (<c>K8S_POD_NAME</c>). They are put on record, from which the agent publishes them.
/// </summary>
internal static class ContainerNames
{
    public static NameRecords RecordsOf(NetworkStateDir state) => new(state.NameRecordsPath);

    /// <summary>Reads the names that the call asks for, in lower case; none where the network has no names.</summary>
    /// <exception cref="CniException">code 7 or 4: one is not a label of a domain</exception>
    public static List<string> Read(CniRequest request, TwillConf conf) => conf.Names is null ? [] : RequestedNames.Read(request);

    /// <summary>Puts the names on record: from now on the container is found by them.</summary>
    public static void Publish(NetworkStateDir state, CniRequest request, TwillConf conf, List<string> names, CniResult made, Undo undo)
    {
        NameRecords records = RecordsOf(state);
        if (names.Count == 0)
        {
            records.Remove(DeviceNames.Veth(request.ContainerId, request.IfName)); // of an ADD that no DEL followed
            return;
        }

        List<IPAddress> addresses = new(made.Ips.Count);
        foreach (CniIp ip in made.Ips)
        {
            addresses.Add(ip.Address);
        }

        List<NamedPort> ports = new(conf.PortMappings.Count);
        foreach (PortMapping mapping in conf.PortMappings)
        {
            NamedPort port = new(mapping.Protocol, mapping.ContainerPort);
            if (!ports.Contains(port))
            {
                ports.Add(port);
            }
        }

        NameRecord record = new(request.ContainerId, request.IfName, names, addresses, ports);
        undo.Add("delete the container's names", () => records.Remove(record.HostName));
        records.Write(record);
    }

    /// <summary>The container's resolver settings: those of the runtime for this call, else those that are configured, completed by the
    /// network's names.</summary>
    /// <param name="conf">the network</param>
    /// <param name="addresses">what the IPAM plugin gave</param>
    public static CniDns ResolverSettings(TwillConf conf, CniResult addresses)
    {
        CniDns configured = addresses.Dns.IsEmpty ? conf.Dns : addresses.Dns;
        if (conf.RuntimeDns is { } given)
        {
            return given;
        }

        if (conf.Names is not { } names)
        {
            return configured;
        }

        List<string> servers = [.. configured.Nameservers];
        if (servers.Count == 0)
        {
            foreach (CniIp ip in addresses.Ips)
            {
                if (ip.Gateway is { } gateway)
                {
                    servers.Add(gateway.ToString());
                }
            }
        }

        List<string> search = [names.Domain, names.Zone];
        foreach (string domain in configured.Search)
        {
            if (!search.Contains(domain))
            {
                search.Add(domain);
            }
        }

        return configured with
        {
            Nameservers = servers,
            Search = search,
        };
    }

    /// <summary>The first thing that the record of a container lacks; null when it lacks nothing.</summary>
    public static string? FindDifference(NetworkStateDir state, TwillConf conf, string hostName, CniRequest request, CniResult made)
    {
        List<string> names = Read(request, conf);
        if (names.Count == 0)
        {
            return null;
        }

        if (RecordsOf(state).Read(hostName) is not { } record)
        {
            return $"the record of its names is missing: {Path.Combine(state.NameRecordsPath, hostName)}";
        }

        foreach (string name in names)
        {
            if (!record.Names.Contains(name))
            {
                return $"its name {name} is not on record: {Path.Combine(state.NameRecordsPath, hostName)}";
            }
        }

        foreach (CniIp ip in made.Ips)
        {
            if (!record.Addresses.Contains(ip.Address))
            {
                return $"its names do not lead to its address {ip.Address}: {Path.Combine(state.NameRecordsPath, hostName)}";
            }
        }

        return null;
    }
}
