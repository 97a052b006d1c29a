namespace Twill.Testing;

/// <summary>`build/test.sh --unit` runs without root and etcd. It sets <see cref="Variable"/>, so that a test of other rings which lacks
/// its mark is found on every machine, not only on one without etcd.</summary>
internal static class UnitRing
{
    internal const string Variable = "TWILL_TEST_RING";

    /// <summary>Fails a test of the unit ring that is about to use what that ring does without.</summary>
    /// <param name="what">What it is about to do, e.g. "starts etcd".</param>
    /// <param name="mark">The attribute that the test lacks.</param>
    internal static void Refuse(string what, string mark)
    {
        if (Environment.GetEnvironmentVariable(Variable) == "unit")
        {
            throw new InvalidOperationException($"This test {what}, and runs in the unit ring ({Variable}=unit): mark it [{mark}].");
        }
    }
}
