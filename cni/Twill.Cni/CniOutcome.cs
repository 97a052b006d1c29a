namespace Twill.Cni;

/// <summary>How a call ended, whose request could be read.</summary>
/// <param name="Request">what was asked</param>
/// <param name="Code">the error's code; 0: it succeeded</param>
public readonly record struct CniOutcome(CniRequest Request, uint Code);
