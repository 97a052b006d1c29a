using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>DEL returns when the interface is gone, while a child of it still waits for the kernel to forget it.</summary>
public sealed class RemovalTests(SingleHost single) : IClassFixture<SingleHost>
{
    private LabHost Host => single.Host;

    [RequiresRootFact]
    public void What_del_removed_is_gone_when_it_returns_and_can_be_added_again_at_once()
    {
        LabContainer container = Host.NewContainer("again");
        CniProcess plugin = Host.Plugin("twill", container);
        for (int round = 0; round < 25; round++)
        {
            string result = plugin.Add(single.Config).OrThrow().Stdout;
            plugin.Del(single.Config).OrThrow();

            string name = result.Split('"').Single(word => word.Length == 15 && word.StartsWith("tw", StringComparison.Ordinal));
            Host.HasLink(name).Should().BeFalse();
            container.HasLink("eth0").Should().BeFalse();
            Leftovers.Records(Host).Should().NotContain(LabContainer.AddressOf(result));
        }

        plugin.Add(single.Config).OrThrow();
        container.CanPing("10.244.0.1").Should().BeTrue();
        plugin.Del(single.Config).OrThrow();
    }

    [RequiresRootFact]
    public void No_process_of_a_del_stays_behind()
    {
        LabContainer container = Host.NewContainer("childless");
        CniProcess plugin = Host.Plugin("twill", container);
        for (int round = 0; round < 5; round++)
        {
            plugin.Add(single.Config).OrThrow();
            plugin.Del(single.Config).OrThrow();
        }

        Eventually.True("every child has ended", () => Running(plugin.ContainerId).Count == 0);
    }

    // A process that a container's plugin started, by the variable it inherited. One that has ended has no environment any more.
    private static List<string> Running(string containerId)
    {
        List<string> found = [];
        foreach (string process in Directory.GetDirectories("/proc").Where(d => char.IsAsciiDigit(d[^1])))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(process, "environ")).Contains($"CNI_CONTAINERID={containerId}\0"))
                {
                    found.Add(process);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // it ended meanwhile
            }
        }
        return found;
    }
}
