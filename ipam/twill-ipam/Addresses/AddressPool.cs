using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Ipam.Addresses;

/// <summary>
/// Which address comes next: pure policy, no files. The ranges of all subnets form one ring, walked from the address handed out
/// last, so that a freed address rests until the ring has gone round: peers' ARP entries and open connections to the address's
/// last owner have long died by then.
/// </summary>
/// <param name="family">the one address family that it is of</param>
/// <param name="ranges">its ranges, of that family</param>
internal sealed class AddressPool(AddressFamily family, IReadOnlyList<AddressRange> ranges)
{
    public AddressFamily Family => family;

    public IReadOnlyList<AddressRange> Ranges => ranges;

    /// <summary>The subnets that its ranges are of.</summary>
    public IReadOnlyList<IPNetwork> Subnets
    {
        get
        {
            var subnets = new IPNetwork[ranges.Count];
            for (int i = 0; i < subnets.Length; i++)
            {
                subnets[i] = ranges[i].Subnet;
            }

            return subnets;
        }
    }

    /// <summary>How many containers all ranges together have room for.</summary>
    public UInt128 Capacity
    {
        get
        {
            UInt128 sum = 0;
            foreach (AddressRange range in ranges)
            {
                sum += range.Capacity;
            }

            return sum;
        }
    }

    /// <summary>The first free address after <paramref name="last"/>; from the ring's start when there is no last or it is of no
    /// range.</summary>
    public bool TryNext(IPAddress? last, IOccupancy taken, [NotNullWhen(true)] out IPAddress? next, out AddressRange range)
    {
        (int start, UInt128 from) = After(last);
        for (int step = 0; step <= ranges.Count && ranges.Count > 0; step++)
        {
            range = ranges[(start + step) % ranges.Count];
            UInt128 number = step == 0 ? from : range.First;
            UInt128 end = step == ranges.Count ? from : range.Last + 1; // the last step is the head of the range we began in
            for (UInt128 gateway = IPPrefix.NumberOf(range.Gateway); number < end; number++)
            {
                if (number == gateway || taken.Contains(number))
                {
                    continue;
                }

                next = IPPrefix.AddressOf(number, range.Family);
                return true;
            }
        }
        next = null;
        range = default;
        return false;
    }

    /// <summary>The range that may hand out this very address, as a static request needs it.</summary>
    public bool TryFind(IPAddress address, out AddressRange range)
    {
        foreach (AddressRange candidate in ranges)
        {
            if (!candidate.Contains(address))
            {
                continue;
            }

            range = candidate;
            return true;
        }
        range = default;
        return false;
    }

    /// <summary>What it gives out, in a sentence.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (AddressRange range in ranges)
        {
            UInt128 gateway = IPPrefix.NumberOf(range.Gateway);
            text.Append(text.Length == 0 ? "" : ", ").Append(IPPrefix.AddressOf(range.First, range.Family));
            if (range.First != range.Last)
            {
                text.Append(" to ").Append(IPPrefix.AddressOf(range.Last, range.Family));
            }

            if (gateway >= range.First && gateway <= range.Last)
            {
                text.Append(" without the gateway ").Append(range.Gateway);
            }
        }
        return text.Length == 0 ? "no address" : text.ToString();
    }

    /// <summary>That nothing is left of it, in a sentence.</summary>
    public string AllTaken() =>
        Capacity == 1
            ? $"the only address of {string.Join(", ", Subnets)} that may be given out ({this}) is taken by a container that still runs"
            : $"all {Capacity} addresses of {string.Join(", ", Subnets)} ({this}) are taken by containers that still run";

    private (int Range, UInt128 From) After(IPAddress? last)
    {
        for (int i = 0; last is not null && i < ranges.Count; i++)
        {
            UInt128 number = IPPrefix.NumberOf(last);
            if (ranges[i].Family == last.AddressFamily && number >= ranges[i].First && number <= ranges[i].Last)
            {
                return (i, number + 1);
            }
        }
        return (0, ranges.Count > 0 ? ranges[0].First : 0);
    }
}
