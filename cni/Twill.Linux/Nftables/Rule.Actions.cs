using System.Net;
using System.Net.Sockets;
using Twill.Linux.Nftables.Expressions;

namespace Twill.Linux.Nftables;

/// <content>What a rule does with the packets that matched.</content>
public sealed partial class Rule
{
    /// <summary>`accept`.</summary>
    public Rule Accept() => Decide(Verdict.Accept);

    /// <summary>`drop`.</summary>
    public Rule Drop() => Decide(Verdict.Drop);

    /// <summary>`return`.</summary>
    public Rule Return() => Decide(Verdict.Return);

    /// <summary>`jump CHAIN`.</summary>
    public Rule Jump(string chain) => Decide(Verdict.Jump(chain));

    /// <summary>`goto CHAIN`.</summary>
    public Rule Goto(string chain) => Decide(Verdict.Goto(chain));

    /// <summary>The verdict.</summary>
    public Rule Decide(Verdict verdict) => Add(new ImmediateVerdict(verdict));

    /// <summary>`PART . PART vmap @MAP`: the verdict that the map has for the key.</summary>
    public Rule Vmap(NftSet map, params ReadOnlySpan<KeyPart> key) => Load(map, key).Add(new Lookup(map.Name, Dreg: NftRegister.Verdict));

    /// <summary>`counter`.</summary>
    public Rule Counter() => Add(new Counter());

    /// <summary>`meta mark set VALUE`, or, with a mask, only the bits of the mask.</summary>
    public Rule SetMark(uint value, uint mask = uint.MaxValue)
    {
        if (mask == uint.MaxValue)
        {
            return Add(new Immediate(NftData.OfHost(value))).Add(new MetaSet(MetaKey.Mark));
        }

        return Add(new Meta(MetaKey.Mark))
            .Add(new Bitwise(NftData.OfHost(~mask), NftData.OfHost(value & mask)))
            .Add(new MetaSet(MetaKey.Mark));
    }

    /// <summary>`masquerade [FLAGS]`.</summary>
    public Rule Masquerade(NatFlags flags = NatFlags.None) => Add(new Masquerade(flags));

    /// <summary>`snat ip to ADDRESS`, `snat ip6 to ADDRESS`.</summary>
    public Rule Snat(IPAddress address, NatFlags flags = NatFlags.None) => Translate(NatType.Snat, address, 0, flags);

    /// <summary>`dnat ip to ADDRESS[:PORT]`, `dnat ip6 to ..`. A port needs the protocol: <see cref="L4Proto"/> before.</summary>
    public Rule Dnat(IPAddress address, ushort port = 0, NatFlags flags = NatFlags.None) => Translate(NatType.Dnat, address, port, flags);

    /// <summary>`dnat ip to PART . PART map @MAP`: to the address, or address and port, that the map has for the key.</summary>
    public Rule DnatBy(NftSet map, params ReadOnlySpan<KeyPart> key) => TranslateBy(NatType.Dnat, map, key);

    /// <summary>`snat ip to PART . PART map @MAP`.</summary>
    public Rule SnatBy(NftSet map, params ReadOnlySpan<KeyPart> key) => TranslateBy(NatType.Snat, map, key);

    private Rule Translate(NatType type, IPAddress address, ushort port, NatFlags flags)
    {
        NftFamily family = address.AddressFamily == AddressFamily.InterNetwork ? NftFamily.Ip : NftFamily.Ip6;
        Add(new Immediate(NftData.Of(address), NftRegister.Reg1));
        if (port == 0)
        {
            return Add(new Nat(type, family, NftRegister.Reg1, Flags: flags));
        }

        Add(new Immediate(NftData.OfPort(port), NftRegister.Reg2));
        return Add(new Nat(type, family, NftRegister.Reg1, NftRegister.Reg2, flags));
    }

    private Rule TranslateBy(NatType type, NftSet map, ReadOnlySpan<KeyPart> key)
    {
        IReadOnlyList<NftType> data = map.Data?.Fields ?? [];
        bool address = data.Count is 1 or 2 && (data[0].Equals(NftType.Ipv4Addr) || data[0].Equals(NftType.Ipv6Addr));
        if (!address || (data.Count == 2 && !data[1].Equals(NftType.InetService)))
        {
            throw new ArgumentException($"map {map.Name}: expected data of an address, or of an address and a port, got '{map.Data}'");
        }

        NftFamily family = data[0].Equals(NftType.Ipv4Addr) ? NftFamily.Ip : NftFamily.Ip6;
        NftRegister? port = data.Count == 2 ? RegisterAt(data[0].Length) : null;
        return Load(map, key).Add(new Lookup(map.Name, Dreg: NftRegister.Reg1)).Add(new Nat(type, family, NftRegister.Reg1, port));
    }
}
