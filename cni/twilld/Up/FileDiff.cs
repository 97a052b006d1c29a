using System.Text;
using Twill.Network.State;

namespace Twill.Agent.Up;

/// <summary>Changes as <c>diff -U0</c> shows them.</summary>
internal static class FileDiff
{
    /// <summary>What is to be made.</summary>
    internal static string Of(MadeFile file) =>
        file.Kind == MadeKind.Link ? $"+ {file.Path} -> {file.Content}\n" : Of(file.Path, null, file.Content);

    /// <summary>The lines that differ.</summary>
    /// <param name="path">the file</param>
    /// <param name="before">what it holds; null: there is none</param>
    /// <param name="after">what it is to hold</param>
    internal static string Of(string path, string? before, string after)
    {
        string[] old = Lines(before),
            young = Lines(after);
        int[,] common = Common(old, young);
        StringBuilder diff = new($"--- {(before is null ? "/dev/null" : path)}\n+++ {path}\n");
        int i = 0,
            j = 0;
        while (i < old.Length || j < young.Length)
        {
            if (i < old.Length && j < young.Length && old[i] == young[j])
            {
                i++;
                j++;
            }
            else if (j == young.Length || (i < old.Length && common[i + 1, j] >= common[i, j + 1]))
            {
                diff.Append('-').Append(old[i++]).Append('\n');
            }
            else
            {
                diff.Append('+').Append(young[j++]).Append('\n');
            }
        }

        return diff.ToString();
    }

    /// <summary>How many lines both have in common behind each pair of places (their longest common subsequence).</summary>
    private static int[,] Common(string[] old, string[] young)
    {
        int[,] common = new int[old.Length + 1, young.Length + 1];
        for (int i = old.Length - 1; i >= 0; i--)
        {
            for (int j = young.Length - 1; j >= 0; j--)
            {
                common[i, j] = old[i] == young[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
            }
        }

        return common;
    }

    private static string[] Lines(string? text) => text?.TrimEnd('\n').Split('\n') ?? [];
}
