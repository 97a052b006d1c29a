using System.Runtime.InteropServices;

namespace Twill.Linux.TrafficControl;

[StructLayout(LayoutKind.Sequential)]
internal struct TcMsg // struct tcmsg
{
    internal byte Family; // tcm_family
    internal byte Pad1;
    internal ushort Pad2;
    internal int Index; // tcm_ifindex
    internal uint Handle; // tcm_handle
    internal uint Parent; // tcm_parent
    internal uint Info; // tcm_info: of a filter, priority << 16 | protocol (big endian)
}

[StructLayout(LayoutKind.Sequential)]
internal struct TcRateSpec // struct tc_ratespec
{
    internal byte CellLog;
    internal byte LinkLayer; // TC_LINKLAYER_*
    internal ushort Overhead;
    internal short CellAlign;
    internal ushort Mpu;
    internal uint Rate; // bytes per second
}

[StructLayout(LayoutKind.Sequential)]
internal struct TcTbfQopt // struct tc_tbf_qopt
{
    internal TcRateSpec Rate;
    internal TcRateSpec PeakRate;
    internal uint Limit; // bytes
    internal uint Buffer; // ticks of 64 ns
    internal uint Mtu; // ticks, of the peak rate
}

[StructLayout(LayoutKind.Sequential)]
internal struct TcU32Sel // struct tc_u32_sel with one struct tc_u32_key behind it
{
    internal byte Flags; // TC_U32_TERMINAL
    internal byte OffShift;
    internal byte Keys;
    internal byte Pad;
    internal ushort OffMask,
        Off;
    internal short OffOff,
        HOff;
    internal uint HMask;
    internal uint KeyMask,
        KeyValue;
    internal int KeyOff,
        KeyOffMask;
}

[StructLayout(LayoutKind.Sequential)]
internal struct TcMirred // struct tc_mirred
{
    internal uint Index,
        Capab;
    internal int Action; // TC_ACT_*
    internal int RefCount,
        BindCount;
    internal int EAction; // TCA_EGRESS_REDIR, ..
    internal uint IfIndex;
}

internal enum TCA : ushort // linux/rtnetlink.h
{
    KIND = 1,
    OPTIONS = 2,
}

internal enum TCA_TBF : ushort // linux/pkt_sched.h, inside TCA_OPTIONS of kind tbf
{
    PARMS = 1,
    RATE64 = 4, // when it does not fit into 32 bits
    BURST = 6, // bytes; goes before the ticks of PARMS
}

internal enum TCA_U32 : ushort // linux/pkt_cls.h, inside TCA_OPTIONS of kind u32
{
    SEL = 5,
    ACT = 7,
}

internal enum ACT_PRIO : ushort // inside TCA_U32_ACT: actions in their order
{
    FIRST = 1,
}

internal enum TCA_ACT : ushort // linux/pkt_cls.h, inside an action
{
    KIND = 1,
    OPTIONS = 2,
}

internal enum TCA_MIRRED : ushort // linux/tc_act/tc_mirred.h, inside TCA_ACT_OPTIONS of kind mirred
{
    PARMS = 2,
}
