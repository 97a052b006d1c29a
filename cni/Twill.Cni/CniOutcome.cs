namespace Twill.Cni;

/// <summary>How a call ended, whose request could be read.</summary>
/// <param name="Request">what was asked</param>
/// <param name="Code">the error's code; 0: it succeeded</param>
/// <param name="Error">the error; null: it succeeded, or the answer could not be written</param>
public readonly record struct CniOutcome(CniRequest Request, uint Code, CniException? Error = null);
