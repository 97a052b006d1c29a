namespace Twill.Testing;

/// <summary>A plain machine on a lab's underlay: a network namespace, nothing of ours.</summary>
public sealed class LabNode : NetnsShell, IDisposable
{
    private readonly Daemon _holder;

    internal LabNode(Daemon holder) => _holder = holder;

    public int Pid => _holder.Pid;

    public override IReadOnlyList<string> Enter => ["nsenter", $"--target={Pid}", "--net", "--"];

    public void Dispose() => _holder.Dispose();
}
