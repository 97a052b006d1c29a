using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Twill.Linux.Links;
using Twill.System;

namespace Twill.Linux.Netlink;

/// <summary>
/// Prints what a socket sends as commands, and what the kernel refuses, when the environment has <c>TWILL_TRACE=netlink</c>. The lines go
/// to standard error. A shell can run them; refusals and what has no command are comments (<c># ..</c>).
/// </summary>
/// <remarks>One for each socket, because names of links belong to a network namespace. It holds a second socket, which asks for
/// them.</remarks>
internal sealed class NetlinkTrace : CommandNames, IDisposable
{
    /// <summary>The environment variable that asks for it.</summary>
    internal const string Variable = "TWILL_TRACE";

    /// <summary>The variable's value.</summary>
    internal const string Value = "netlink";

    private static readonly bool s_isOn = Environment.GetEnvironmentVariable(Variable) == Value;
    private static readonly Dictionary<NetnsIdentity, string> s_paths = [];

    private readonly Action<string> _write;
    private readonly NetlinkSocket? _links;
    private readonly string _prefix;
    private readonly Dictionary<int, string> _announced = []; // links made under an index of our choice: known before they are there

    /// <param name="write">Takes a line.</param>
    /// <param name="links">Asks for names; null when nobody can. Disposed with this.</param>
    /// <param name="prefix">What makes a command act in the socket's network namespace.</param>
    internal NetlinkTrace(Action<string> write, NetlinkSocket? links, string prefix) => (_write, _links, _prefix) = (write, links, prefix);

    /// <summary>Whether the environment asks for it.</summary>
    internal static bool IsOn => s_isOn;

    /// <summary>For a socket of the calling thread's network namespace. Null, and nothing done, unless the environment asks for
    /// it.</summary>
    internal static NetlinkTrace? OfThread() => s_isOn ? Open() : null;

    /// <summary>Keeps the path of a network namespace that was opened, so that commands can name it.</summary>
    internal static void Remember(NetNs ns, string path)
    {
        lock (s_paths)
        {
            s_paths[ns.Identity] = path;
        }
    }

    /// <summary>Prints a line as it is.</summary>
    internal static void WriteLine(string line)
    {
        try
        {
            Libc.WriteAll(2, Encoding.UTF8.GetBytes(line + "\n"), "standard error");
        }
        catch (IOException)
        {
            // Standard error is closed: nobody reads.
        }
    }

    /// <summary>Prints a command.</summary>
    internal void Write(string command) => _write(InNamespace(command));

    /// <summary>Keeps the command of a message with it, and the name of a link that it makes.</summary>
    /// <param name="messages">The buffer, of which the message is the last.</param>
    /// <param name="offset">Where the message starts.</param>
    /// <param name="sequence">Its nlmsg_seq.</param>
    /// <param name="command">The command that it equals.</param>
    internal void Appended(MessageBuffer messages, int offset, uint sequence, string command)
    {
        messages.Commands.Add((offset, sequence, InNamespace(command)));
        if (command.StartsWith("ip link add", StringComparison.Ordinal))
        {
            Announce(messages.Bytes[offset..]);
        }
    }

    /// <summary>Prints the commands of the messages that are about to be sent.</summary>
    internal void Sent(MessageBuffer messages, int start, int end)
    {
        foreach ((int offset, _, string command) in messages.Commands)
        {
            if (offset >= start && offset < end)
            {
                _write(command);
            }
        }
    }

    /// <summary>Prints the errors among the kernel's answers, each with the command it is about.</summary>
    internal void Received(NetlinkMessages answers, MessageBuffer? sent)
    {
        while (answers.TryRead(out NetlinkMessage message))
        {
            if (
                message.Type is NetlinkMessage.Error or NetlinkMessage.Done
                && NetlinkAck.Parse(in message) is { Errno: not Errno.None } ack
            )
            {
                string text = ack.Text is null ? "" : $" - {ack.Text}";
                _write($"# {ErrnoText.Of(ack.Errno)}{text}: {sent?.CommandOf(message.Sequence) ?? "an earlier command"}");
            }
        }
    }

    private string InNamespace(string command) => command.StartsWith('#') ? command : _prefix + command;

    private void Announce(ReadOnlySpan<byte> message)
    {
        if (!new NetlinkMessages(message).TryRead(out NetlinkMessage link))
        {
            return;
        }

        NetlinkReader reader = link.Reader;
        int index = reader.Header<IfInfoMsg>().Index;
        while (index != 0 && reader.TryRead(out NetlinkAttribute a))
        {
            if ((IFLA)a.Type == IFLA.IFNAME)
            {
                _announced[index] = a.Text();
            }
        }
    }

    /// <inheritdoc/>
    public override string Link(int index)
    {
        try
        {
            if (_links is not null && _links.TryGet(new GetLink(index), Errno.ENODEV, Links.Link.Decode, out Link? found))
            {
                return found.Name;
            }
        }
        catch (IOException)
        {
            // The name is a convenience: the number does.
        }

        return _announced.TryGetValue(index, out string? name) ? name : base.Link(index);
    }

    /// <inheritdoc/>
    public override string Netns(SafeHandle handle)
    {
        lock (s_paths)
        {
            return handle is SafeFileHandle file && s_paths.TryGetValue(NetnsIdentity.Of(file), out string? path)
                ? path
                : base.Netns(handle);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _links?.Dispose();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static NetlinkTrace Open()
    {
        NetlinkSocket? links = null;
        string prefix = "";
        try
        {
            links = new NetlinkSocket(KernelChannel.Open(NetlinkFamily.Route), RouteRequests.Describe, trace: null);
            using NetNs here = NetNs.Current();
            lock (s_paths)
            {
                prefix = s_paths.TryGetValue(here.Identity, out string? path) ? $"nsenter --net={CommandText.Quote(path)} " : "";
            }
        }
        catch (IOException)
        {
            // Without a second socket links go by number.
        }

        return new NetlinkTrace(WriteLine, links, prefix);
    }
}
