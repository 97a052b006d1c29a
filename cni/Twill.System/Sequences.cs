using System.Runtime.InteropServices;

namespace Twill.System;

/// <summary>
/// What the plugins do with lists and sequences, in the place of LINQ. LINQ's iterators have generic virtual methods. A program that calls
/// them keeps what it takes to make new types at run time, and at every start makes objects for each class that any list holds.
/// </summary>
public static class Sequences
{
    /// <summary>Whether there is one that matches.</summary>
    public static bool Exists<T>(this IEnumerable<T> items, Func<T, bool> match)
    {
        foreach (T item in items)
        {
            if (match(item))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Those that match, in their order.</summary>
    public static List<T> FindAll<T>(this IEnumerable<T> items, Func<T, bool> match)
    {
        List<T> found = [];
        foreach (T item in items)
        {
            if (match(item))
            {
                found.Add(item);
            }
        }

        return found;
    }

    /// <summary>What becomes of each.</summary>
    public static List<TTo> ConvertAll<T, TTo>(this IEnumerable<T> items, Func<T, TTo> convert)
    {
        List<TTo> converted = [];
        foreach (T item in items)
        {
            converted.Add(convert(item));
        }

        return converted;
    }

    /// <summary>Whether one of them is this.</summary>
    public static bool Contains<T>(this IReadOnlyCollection<T> items, T item)
    {
        foreach (T one in items)
        {
            if (EqualityComparer<T>.Default.Equals(one, item))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether both hold the same in the same order.</summary>
    public static bool SequenceEqual<T>(this IReadOnlyList<T> items, IReadOnlyList<T> others)
        where T : IEquatable<T>
    {
        if (items.Count != others.Count)
        {
            return false;
        }

        for (int i = 0; i < items.Count; i++)
        {
            if (!items[i].Equals(others[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>All of them. A collection expression makes an array of a set by LINQ.</summary>
    public static T[] ToArray<T>(this HashSet<T> items)
    {
        T[] all = new T[items.Count];
        items.CopyTo(all);
        return all;
    }

    /// <summary>All of them, each once, by their bytes. In the place of a SortedSet, which brings most of System.Collections.</summary>
    public static List<string> InOrder(this HashSet<string> names)
    {
        List<string> sorted = [.. names];
        sorted.SortBy(string.CompareOrdinal);
        return sorted;
    }

    /// <summary>
    /// Sorts a list in place. <see cref="List{T}.Sort(Comparison{T})"/> is shared by lists of all classes: one call of it anywhere costs a
    /// sorter and a comparer, at every start, for each class that any list holds.
    /// </summary>
    public static void SortBy<T>(this List<T> list, Comparison<T> comparison) => CollectionsMarshal.AsSpan(list).Sort(comparison);
}
