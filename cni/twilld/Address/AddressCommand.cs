using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Address;

/// <summary><c>twill address</c>: reserves addresses of this host for containers of a name.</summary>
/// <param name="options">The command line.</param>
/// <param name="state">Where run-time state lives.</param>
/// <param name="to">Where to write.</param>
internal sealed class AddressCommand(AddressOptions options, StateDir state, TextWriter to)
{
    private readonly NetnsLiveness _namespaces = new();

    /// <summary>Carries it out.</summary>
    /// <exception cref="UsageException">there is no such network</exception>
    /// <exception cref="IOException">it cannot be done</exception>
    internal void Run()
    {
        try
        {
            switch (options.Verb)
            {
                case AddressOptions.Reserve:
                    Reserve(ConfiguredNetwork.Find(options.ConfDir, options.Network!));
                    break;
                case AddressOptions.Release:
                    Release(ConfiguredNetwork.Find(options.ConfDir, options.Network!));
                    break;
                default:
                    List();
                    break;
            }
        }
        catch (TimeoutException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    private void Reserve(FoundNetwork network)
    {
        TwillConf conf = network.Conf;
        RefuseForeign(network);
        string name = options.Name!;
        using FileLock turn = ReservedAddresses.Lock(conf.Ipam.DataDir, conf.Name);
        ReservedAddresses all = ReservedAddresses.Read(conf.Ipam.DataDir, conf.Name);
        List<AddressRange> ranges = RangesOf(conf);
        if (ranges.Count == 0)
        {
            throw new IOException($"this host has no subnet in network {conf.Name} yet: start the agent, and see twill status");
        }

        AddressFamily family = options.Address?.AddressFamily ?? ranges[0].Family;
        if (all.Of([name], family) is { } former)
        {
            if (options.Address is not null && !former.Equals(options.Address))
            {
                throw new IOException($"{former} is reserved for {name} in network {conf.Name} already: release it first");
            }

            Tell(conf, new ReservedAddress(former, name), $"{former} is reserved for {name} already");
            return;
        }

        IPAddress address = options.Address is { } asked ? Checked(conf, ranges, all, asked) : LastFree(conf, ranges, all);
        ReservedAddresses.Write(conf.Ipam.DataDir, conf.Name, [.. all.All, new ReservedAddress(address, name)]);
        string now = OwnerOf(conf, address) is { } owner ? $"; now {owner} has it, until that ends" : "";
        Tell(conf, new ReservedAddress(address, name), $"{address} is reserved for {name}{now}");
    }

    private void Release(FoundNetwork network)
    {
        TwillConf conf = network.Conf;
        string name = options.Name!;
        using FileLock turn = ReservedAddresses.Lock(conf.Ipam.DataDir, conf.Name);
        ReservedAddresses all = ReservedAddresses.Read(conf.Ipam.DataDir, conf.Name);
        ReservedAddress[] gone = [.. all.All.Where(one => one.Name == name)];
        if (gone.Length == 0)
        {
            throw new IOException($"no address is reserved for {name} in network {conf.Name}: twill address list shows those that are");
        }

        ReservedAddresses.Write(conf.Ipam.DataDir, conf.Name, [.. all.All.Except(gone)]);
        Tell(conf, gone[0], $"{string.Join(", ", gone.Select(one => one.Address))} is not reserved for {name} any more");
    }

    private void List()
    {
        List<(TwillConf Conf, ReservedAddress One)> rows = [];
        IEnumerable<FoundNetwork> networks = options.Network is { } only
            ? [ConfiguredNetwork.Find(options.ConfDir, only)]
            : ConfiguredNetwork.All(options.ConfDir);
        foreach (FoundNetwork one in networks.Where(found => !found.Conf.Ipam.IsForeign))
        {
            ReservedAddresses all = ReservedAddresses.Read(one.Conf.Ipam.DataDir, one.Conf.Name);
            rows.AddRange(all.All.Select(address => (one.Conf, address)));
        }

        if (options.Json)
        {
            byte[] json = CniJson.Write(
                w =>
                {
                    w.WriteStartObject();
                    w.WriteStartArray("addresses");
                    foreach ((TwillConf conf, ReservedAddress one) in rows)
                    {
                        w.WriteStartObject();
                        WriteMembers(w, conf, one);
                        w.WriteEndObject();
                    }

                    w.WriteEndArray();
                    w.WriteEndObject();
                },
                indented: true
            );
            to.Write(Encoding.UTF8.GetString(json));
            return;
        }

        if (rows.Count == 0)
        {
            to.WriteLine("no address is reserved");
        }

        int network = rows.Select(row => row.Conf.Name.Length).DefaultIfEmpty(0).Max(),
            name = rows.Select(row => row.One.Name.Length).DefaultIfEmpty(0).Max();
        foreach ((TwillConf conf, ReservedAddress one) in rows)
        {
            string holder = OwnerOf(conf, one.Address) ?? "free";
            string given = IsGiven(conf, one.Address) ? "" : "; this host does not give it out any more: release it";
            to.WriteLine($"{conf.Name.PadRight(network)}  {one.Name.PadRight(name)}  {one.Address,-15}  {holder}{given}");
        }
    }

    private void RefuseForeign(FoundNetwork network)
    {
        if (network.Conf.Ipam.IsForeign)
        {
            throw new IOException(
                $"network {network.Conf.Name} has its addresses from another plugin: {network.File}: expected ipam.type "
                    + $"{TwillConf.IpamPlugin}, got {network.Conf.Ipam.Type}"
            );
        }
    }

    private IPAddress Checked(TwillConf conf, List<AddressRange> ranges, ReservedAddresses all, IPAddress address)
    {
        if (all.NameOf(address) is { } other)
        {
            throw new IOException($"{address} is reserved for {other} in network {conf.Name}: release it first, or take another one");
        }

        if (ranges.Exists(range => range.Contains(address)))
        {
            return address;
        }

        string own = string.Join(", ", ranges.Select(range => range.Subnet).Distinct());
        bool isOthers =
            conf.Ipam.Etcd is not null
            && conf.Ipam.Ranges.Any(range => range.Contains(address))
            && !ranges.Exists(range => range.Subnet.Contains(address));
        throw new IOException(
            isOthers
                ? $"{address} is not of this host's subnet ({own}): an address stays with a name on one host, and does not follow it to "
                    + "others; reserve it on the host that has its subnet (twill peers)"
                : $"{address} is not given out here: expected one of {own}, without the gateway and what the configuration leaves out"
        );
    }

    /// <summary>From the end: the next ones to be handed out are elsewhere for the longest time.</summary>
    private IPAddress LastFree(TwillConf conf, List<AddressRange> ranges, ReservedAddresses all)
    {
        HashSet<IPAddress> taken =
        [
            .. AddressFile.List(conf.Ipam.DataDir, conf.Name).Select(file => file.Address),
            .. all.All.Select(one => one.Address),
        ];
        foreach (AddressRange range in ranges.Where(range => range.Family == ranges[0].Family))
        {
            for (UInt128 number = range.Last; number >= range.First; number--)
            {
                IPAddress address = IPPrefix.AddressOf(number, range.Family);
                if (range.Contains(address) && !taken.Contains(address))
                {
                    return address;
                }
            }
        }

        throw new IOException($"no address of network {conf.Name} is free on this host: name one that a container has, or end one");
    }

    /// <summary>What this host gives out now, IPv4 first.</summary>
    private List<AddressRange> RangesOf(TwillConf conf)
    {
        List<AddressRange> ranges = [];
        foreach (IpamFamily family in conf.Ipam.Families)
        {
            IEnumerable<IPNetwork> subnets = conf.Ipam.Etcd is null
                ? family.Fixed.Select(range => range.Subnet).Distinct()
                : SubnetFile.TryRead(state.Existing(conf.Name), out _)?.Subnets ?? [];
            foreach (IPNetwork subnet in subnets.Where(subnet => subnet.BaseAddress.AddressFamily == family.Family))
            {
                ranges.AddRange(family.RangesOf(subnet).Select(AddressRange.Of));
            }
        }

        return ranges;
    }

    private bool IsGiven(TwillConf conf, IPAddress address) => RangesOf(conf).Exists(range => range.Contains(address));

    private string? OwnerOf(TwillConf conf, IPAddress address) =>
        AddressFile.List(conf.Ipam.DataDir, conf.Name).Find(file => file.Address.Equals(address)) is { Record: { } record } file
        && file.WhyGone(_namespaces) is null
            ? record.Owner.Describe()
            : null;

    private void Tell(TwillConf conf, ReservedAddress one, string text)
    {
        if (!options.Json)
        {
            to.WriteLine($"{text} in network {conf.Name} on this host");
            return;
        }

        byte[] json = CniJson.Write(
            w =>
            {
                w.WriteStartObject();
                WriteMembers(w, conf, one);
                w.WriteBoolean("reserved", options.Verb != AddressOptions.Release);
                w.WriteEndObject();
            },
            indented: true
        );
        to.Write(Encoding.UTF8.GetString(json));
    }

    private void WriteMembers(Utf8JsonWriter w, TwillConf conf, ReservedAddress one)
    {
        w.WriteString("network", conf.Name);
        w.WriteString("name", one.Name);
        w.WriteString("address", one.Address.ToString());
        w.WriteString("holder", OwnerOf(conf, one.Address));
        w.WriteBoolean("given", IsGiven(conf, one.Address));
    }
}
