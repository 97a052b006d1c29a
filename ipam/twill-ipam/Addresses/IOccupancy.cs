namespace Twill.Ipam.Addresses;

/// <summary>Which addresses of a pool are taken. The pool asks for one at a time and stops at the first free one.</summary>
internal interface IOccupancy
{
    bool Contains(UInt128 address);
}
