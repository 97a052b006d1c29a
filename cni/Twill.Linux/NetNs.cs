using System.Runtime.ExceptionServices;
using Microsoft.Win32.SafeHandles;
using Twill.Linux.Netlink;
using Twill.System;
using static Tmds.Linux.LibC;

namespace Twill.Linux;

/// <summary>
/// A network namespace, held open. A <see cref="RouteSocket"/> opened inside keeps acting there whichever thread uses it, so that
/// most work needs no <see cref="Run{T}"/>.
/// </summary>
public sealed class NetNs : IDisposable
{
    private const string OfThread = "/proc/thread-self/ns/net";

    private NetNs(SafeFileHandle handle)
    {
        Handle = handle;
        Identity = NetnsIdentity.Of(handle);
    }

    /// <summary>The descriptor, for requests that put a link into the namespace.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Which namespace it is.</summary>
    public NetnsIdentity Identity { get; }

    /// <summary>Opens a namespace by a path such as <c>/run/netns/NAME</c> or <c>/proc/PID/ns/net</c>.</summary>
    /// <exception cref="LibcException">ENOENT: there is no such file; EINVAL: it is no network namespace.</exception>
    public static NetNs Open(string path)
    {
        SafeFileHandle handle = Libc.Open(path, O_RDONLY | O_NONBLOCK); // a FIFO of that name must not stop us
        try
        {
            if (Libc.NamespaceType(handle) != CLONE_NEWNET)
            {
                throw new LibcException($"{path} is not a network namespace", Errno.EINVAL);
            }

            NetNs ns = new(handle);
            if (NetlinkTrace.IsOn && path != OfThread)
            {
                NetlinkTrace.Remember(ns, path);
            }

            return ns;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Opens the namespace of the calling thread.</summary>
    public static NetNs Current() => Open(OfThread);

    /// <summary>Makes a namespace that has no name: it lasts as long as it is open here, or somebody is in it.</summary>
    /// <exception cref="LibcException">EPERM: CAP_SYS_ADMIN is missing.</exception>
    public static NetNs Create() =>
        OnNewThread(() =>
        {
            Libc.UnshareNetwork();
            return Current();
        });

    /// <summary>True when both are the same namespace.</summary>
    public bool IsSameAs(NetNs other) => Identity == other.Identity;

    /// <summary>
    /// Opens something inside: the calling thread goes there and comes back at once, which costs five system calls where a thread of its
    /// own (<see cref="Run{T}"/>) costs thirty. The body does what takes a moment, and never waits.
    /// </summary>
    /// <exception cref="LibcException">EPERM: CAP_SYS_ADMIN is missing.</exception>
    internal T Visit<T>(Func<T> open)
    {
        using SafeFileHandle own = Libc.Open(OfThread, O_RDONLY);
        Libc.SetNs(Handle);
        try
        {
            return open();
        }
        finally
        {
            Return(own);
        }
    }

    // Who cannot go back must not go on: whatever came next would be done to the wrong namespace.
    private static void Return(SafeFileHandle own)
    {
        try
        {
            Libc.SetNs(own);
        }
        catch (LibcException failure)
        {
            Environment.FailFast("cannot return to the thread's own network namespace", failure);
        }
    }

    private static T OnNewThread<T>(Func<T> body)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(
            () =>
            {
                try
                {
                    result = body();
                }
                catch (Exception e)
                {
                    failure = ExceptionDispatchInfo.Capture(e);
                }
            },
            maxStackSize: 256 * 1024
        );
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    /// <summary>
    /// Runs the body on a new thread inside the namespace and waits for it. The thread ends with the body, so there is nothing to
    /// restore and no other code ever runs in the wrong namespace. The body must not await.
    /// </summary>
    /// <returns>What the body returned; what it threw is thrown here.</returns>
    /// <exception cref="LibcException">EPERM: CAP_SYS_ADMIN is missing.</exception>
    public T Run<T>(Func<T> body) =>
        OnNewThread(() =>
        {
            Libc.SetNs(Handle);
            return body();
        });

    /// <summary>As <see cref="Run{T}"/>, for a body that returns nothing.</summary>
    public void Run(Action body) =>
        Run<object?>(() =>
        {
            body();
            return null;
        });

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();
}
