using Twill.Network.Configuration;

namespace Twill.Plugin.Cli;

/// <summary>How an operator reaches the etcd of a network by hand, with the rights that the configuration gives.</summary>
internal static class EtcdctlCommand
{
    /// <summary>
    /// <c>etcdctl</c> with endpoints, certificates and user, to be followed by what to do. The password is in the environment, which only
    /// root and the user's own processes see; arguments are seen by everybody on the host.
    /// </summary>
    public static string Of(EtcdConf etcd)
    {
        List<string> words = ["etcdctl", $"--endpoints={Quoted(string.Join(',', etcd.Endpoints))}"];
        Add("cacert", etcd.CaFile);
        Add("cert", etcd.CertFile);
        Add("key", etcd.KeyFile);
        Add("user", etcd.Username);
        if (etcd.PasswordFile is { } file)
        {
            words.Insert(0, $"ETCDCTL_PASSWORD=\"$(cat {Quoted(file)})\"");
        }

        return string.Join(' ', words);

        void Add(string option, string? value)
        {
            if (value is not null)
            {
                words.Add($"--{option}={Quoted(value)}");
            }
        }
    }

    /// <summary>A word as the shell reads it.</summary>
    internal static string Quoted(string word)
    {
        const string Plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%[]";
        return word.AsSpan().ContainsAnyExcept(Plain) ? $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'" : word;
    }
}
