using Twill.Cni;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>A table of backends. The first is that of networks that lease subnets, unless their configuration names another.</summary>
/// <param name="all">a backend each, with its defaults; one of them joins no hosts</param>
public sealed class BackendTypes(params IReadOnlyList<BackendConf> all)
{
    /// <summary>The backends, in the order in which people are told of them.</summary>
    public IReadOnlyList<BackendConf> All { get; } = all;

    /// <summary>The backend of networks that lease subnets.</summary>
    internal BackendConf Default => All[0];

    /// <summary>The backend of one host alone.</summary>
    internal BackendConf None { get; } = all.FindAll(backend => !backend.JoinsHosts)[0];

    /// <summary>The backend of a name; null when there is none.</summary>
    public BackendConf? Find(string type)
    {
        foreach (BackendConf backend in All)
        {
            if (backend.Type == type)
            {
                return backend;
            }
        }

        return null;
    }

    /// <summary>Reads the section <c>backend</c>.</summary>
    /// <param name="at">the section, which may be missing</param>
    /// <param name="fallback">the backend when none is named</param>
    internal BackendConf Parse(ConfigReader at, BackendConf fallback)
    {
        if (at.Section([.. AllKeys("type")]) is not ConfigReader section)
        {
            return fallback;
        }

        BackendConf backend = ReadType(section["type"], fallback);
        foreach (string key in AllKeys())
        {
            ConfigReader value = section[key];
            if (!backend.Keys.Contains(key) && value.Exists && (key != InterfaceKey || value.OptionalString() is not null))
            {
                value.ComplainText($"belongs to {OwnersOf(key)}, but backend.type is '{backend.Type}'");
            }
        }

        return backend.Read(section) with
        {
            Interface = section[InterfaceKey].OptionalString(),
        };
    }

    /// <summary>The key of <see cref="BackendConf.Interface"/>.</summary>
    public const string InterfaceKey = "interface";

    private List<string> AllKeys(params ReadOnlySpan<string> before)
    {
        List<string> keys = [.. before];
        foreach (BackendConf backend in All)
        {
            foreach (string key in backend.Keys)
            {
                if (!keys.Contains(key))
                {
                    keys.Add(key);
                }
            }
        }

        return keys;
    }

    private string OwnersOf(string key)
    {
        List<string> owners = All.FindAll(backend => backend.Keys.Contains(key)).ConvertAll(backend => backend.Type);
        return owners.Count == All.FindAll(backend => backend.JoinsHosts).Count
            ? "backends that join hosts"
            : $"the {string.Join(" and ", owners)} backend{(owners.Count == 1 ? "" : "s")}";
    }

    private BackendConf ReadType(ConfigReader at, BackendConf fallback)
    {
        if (at.OptionalString() is not string name)
        {
            return fallback;
        }

        string[] names = [.. All.ConvertAll(backend => backend.Type)];
        return Find(name) ?? at.Complain($"{string.Join(", ", names[..^1])} or {names[^1]}", fallback);
    }
}
