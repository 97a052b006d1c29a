using Twill.System;

namespace Twill.Linux.Nftables;

/// <summary>A message of a batch that the kernel refused.</summary>
/// <param name="Index">Its place in the batch, from 0; -1 when the transaction as a whole was refused (EPERM, ENOMEM, ERESTART: another
/// generation than the batch was made for).</param>
/// <param name="Message">What it asked for: `new rule inet twill-a forward (message 5 of 9)`.</param>
/// <param name="Errno">Why.</param>
/// <param name="KernelText">The kernel's own words, when it had any.</param>
public sealed record NftFailure(int Index, string Message, Errno Errno, string? KernelText);
