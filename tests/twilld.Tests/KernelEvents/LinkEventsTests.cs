using Twill.Linux;
using Twill.Linux.Links;
using Twill.Testing;

namespace Twill.Agent.Tests;

/// <summary>Links that change at every moment of a pass, with the kernel's own links in the order that is forced here.</summary>
public sealed class LinkEventsTests : IDisposable
{
    private readonly TestNetns _ns = TestNetns.Create();
    private readonly NetNs _opened;
    private readonly RouteSocket _route;
    private readonly LinkEvents _events = new();
    private readonly int _bridge;

    public LinkEventsTests()
    {
        _ns.Ip("link add twill0 up type bridge");
        _opened = NetNs.Open(_ns.Path);
        _route = RouteSocket.Open(_opened);
        _bridge = Read().Index;
    }

    [RequiresRootFact]
    public void What_is_changed_after_a_pass_has_looked_and_before_it_ends_is_a_reason_to_look_again()
    {
        _events.BeginPass(_route, _bridge);
        Change("down"); // the pass has looked at the bridge before this
        _events.Expect(_route, (0, 0), _bridge);

        _events.TakeAndCompare().Should().BeFalse("what the pass has left is not what it has seen");

        _events.BeginPass(_route, _bridge);
        Change("up"); // the next pass mends it
        _events.Expect(_route, (0, 0), _bridge);
        _events.TakeAndCompare().Should().BeFalse("only a pass that changes nothing knows that all is in order");

        _events.BeginPass(_route, _bridge);
        _events.Expect(_route, (0, 0), _bridge);
        Hear();
        _events.TakeAndCompare().Should().BeTrue();
    }

    [RequiresRootFact]
    public void What_is_mended_and_damaged_again_within_a_pass_is_a_reason_to_look_again()
    {
        _ns.Ip("link set twill0 down");
        _events.BeginPass(_route, _bridge);
        Change("up"); // by the pass
        Change("down"); // by somebody else
        _events.Expect(_route, (0, 0), _bridge);

        _events.TakeAndCompare().Should().BeFalse();
    }

    [RequiresRootFact]
    public void What_changes_nothing_is_no_reason()
    {
        _events.BeginPass(_route, _bridge);
        _events.Expect(_route, (0, 0), _bridge);
        Hear(); // the kernel announces the bridge with each container

        _events.TakeAndCompare().Should().BeTrue();

        Change("down");
        _events.TakeAndCompare().Should().BeFalse();
    }

    public void Dispose()
    {
        _route.Dispose();
        _opened.Dispose();
        _ns.Dispose();
    }

    private Link Read() => _route.TryGetLink("twill0", out Link? link) ? link : throw new InvalidOperationException("no bridge");

    private void Change(string to)
    {
        _ns.Ip($"link set twill0 {to}");
        Hear();
    }

    private void Hear() => _events.Add(new NetworkChange(NetworkChangeKind.Link, false, _bridge, 0, 0) { Link = Read() });
}
