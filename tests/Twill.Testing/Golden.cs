using System.Reflection;
using Xunit.Sdk;

namespace Twill.Testing;

/// <summary>
/// Known-good bytes from a file `golden/**.hex` of the test project. Lines that start with `#` tell where the bytes come from (the
/// first one: the command that sent them); every other line holds hex bytes, with a comment after `#`.
/// </summary>
public sealed class Golden
{
    private Golden(string name, IReadOnlyList<string> comments, byte[] bytes)
    {
        Name = name;
        Comments = comments;
        Bytes = bytes;
    }

    public string Name { get; }

    /// <summary>The full-line comments without their `#`.</summary>
    public IReadOnlyList<string> Comments { get; }

    public byte[] Bytes { get; }

    /// <summary>Loads a file by its path below `golden/`, e.g. "links/new-veth.hex".</summary>
    public static Golden Load(string name)
    {
        List<string> comments = [];
        List<byte> bytes = [];
        int number = 0;
        foreach (string line in File.ReadLines(Path.Combine(FindDirectory(), name)))
        {
            number++;
            string text = line.Trim();
            if (text.StartsWith('#'))
            {
                comments.Add(text[1..].Trim());
                continue;
            }

            string hex = text.Split('#')[0].Replace(" ", "", StringComparison.Ordinal).Replace("\t", "", StringComparison.Ordinal);
            try
            {
                bytes.AddRange(Convert.FromHexString(hex));
            }
            catch (FormatException e)
            {
                throw new FormatException($"golden/{name}:{number}: expected hex bytes, got '{line}'", e);
            }
        }

        return new Golden(name, comments, [.. bytes]);
    }

    /// <summary>The same file with other bytes.</summary>
    public Golden With(byte[] bytes) => new(Name, Comments, bytes);

    public override string ToString() => Name;

    private static string FindDirectory()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string golden = Path.Combine(at.FullName, "golden");
            if (Directory.Exists(golden))
            {
                return golden;
            }
        }

        throw new DirectoryNotFoundException($"no directory 'golden' in or above {AppContext.BaseDirectory}");
    }
}

/// <summary>Gives a theory the bytes of a golden file: `[Theory, Golden("links/new-veth.hex")]`.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class GoldenAttribute(string name) : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) =>
        [
            [Golden.Load(name)],
        ];
}
