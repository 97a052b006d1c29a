using Twill.Linux.WireGuard;

namespace Twill.Linux.Tests.WireGuard;

/// <summary>The keys of golden/wireguard (see capture.py there).</summary>
internal static class Keys
{
    internal static WireGuardSecret Self { get; } = Secret("BsYEszKzhrbM6DVczyf//TqYt6elubOlUMA5xuuuOOQ=");

    internal static WireGuardSecret Preshared { get; } = Secret("Iz7fpYyEhHcS6RFXJTOQfcRnccKvAizqB2a0ItRPMeU=");

    internal static WireGuardKey One { get; } = Public("1rAEbYxXy94IkIVodt1ZpuBPQUFLHLkpI6JdSMY/yEo=");

    internal static WireGuardKey Two { get; } = Public("wAjWj8ExuKy/LtNt9U6vXf/Huh1R7Yh0DmTOeZ2iD08=");

    internal static WireGuardSecret Secret(string base64) =>
        WireGuardSecret.TryParse(base64, out WireGuardSecret? secret) ? secret : throw new ArgumentException(base64);

    internal static WireGuardKey Public(string base64) =>
        WireGuardKey.TryParse(base64, out WireGuardKey key) ? key : throw new ArgumentException(base64);
}
