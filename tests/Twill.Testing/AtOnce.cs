namespace Twill.Testing;

/// <summary>Asks several things at the same time, where each answer, or that there is none, takes seconds.</summary>
public static class AtOnce
{
    /// <summary>The answers, in the order of the questions. Each question has a thread of its own, so that none waits for
    /// another.</summary>
    public static T[] Ask<T>(params Func<T>[] questions) => Task.WhenAll(questions.Select(OnItsOwnThread)).GetAwaiter().GetResult();

    private static Task<T> OnItsOwnThread<T>(Func<T> question) =>
        Task.Factory.StartNew(question, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
