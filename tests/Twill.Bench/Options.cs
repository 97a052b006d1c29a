using System.Globalization;

namespace Twill.Bench;

/// <summary>What is measured, and how often. Parts: <see cref="AllParts"/>.</summary>
internal sealed record Options(string Bin, string Peers, string Floor, string Hello)
{
    public static readonly string[] AllParts = ["chains", "ports", "storms", "startup", "traffic", "protections"];

    public string[] Parts { get; init; } = ["chains", "startup"];

    public int Rounds { get; init; } = 20;

    public int[] Counts { get; init; } = [1, 100];

    public int[] Storms { get; init; } = [100];

    public int PeersAtMost { get; init; } = 250;

    /// <summary>Directories with other builds of our programs.</summary>
    public string[] Beside { get; init; } = [];

    /// <summary>Arguments: BIN_DIR PEER_DIR FLOOR HELLO, then options as build/bench.sh names them.</summary>
    public static Options Parse(string[] args)
    {
        Options options = new(Path.GetFullPath(args[0]), args[1], args[2], args[3]);
        for (int i = 4; i + 1 < args.Length; i += 2)
        {
            string value = args[i + 1];
            options = args[i] switch
            {
                "--parts" => options with { Parts = value == "all" ? AllParts : Known(value.Split(',')) },
                "--rounds" => options with { Rounds = Number(value) },
                "--counts" => options with { Counts = [.. value.Split(',').Select(Number)] },
                "--storms" => options with { Storms = [.. value.Split(',').Select(Number)] },
                "--peers-at-most" => options with { PeersAtMost = Number(value) },
                "--beside" => options with { Beside = [.. value.Split(',').Select(Path.GetFullPath)] },
                _ => throw new ArgumentException($"no such option: {args[i]}"),
            };
        }
        return options;
    }

    public bool Has(string part) => Parts.Contains(part);

    private static string[] Known(string[] parts) =>
        parts.FirstOrDefault(p => !AllParts.Contains(p)) is { } unknown
            ? throw new ArgumentException($"no such part: '{unknown}'; there are {string.Join(", ", AllParts)}")
            : parts;

    private static int Number(string text) =>
        int.Parse(text, CultureInfo.InvariantCulture) is >= 0 and var number
            ? number
            : throw new ArgumentException($"expected a number, got {text}");
}
