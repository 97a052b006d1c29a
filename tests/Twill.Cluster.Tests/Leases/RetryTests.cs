namespace Twill.Cluster.Tests.Leases;

public sealed class RetryTests
{
    [Theory]
    [InlineData(0, 3600, 1)]
    [InlineData(1, 3600, 2)]
    [InlineData(8, 3600, 15)]
    [InlineData(15, 3600, 15)]
    [InlineData(0, 2, 0.5)]
    [InlineData(0.5, 0.5, 0.5)]
    [InlineData(4, 20, 5)]
    public void A_failed_step_is_tried_again_ever_later_but_well_before_the_lease_runs_out(double last, double renewAfter, double next) =>
        LeaseManager.NextRetry(TimeSpan.FromSeconds(last), TimeSpan.FromSeconds(renewAfter)).Should().Be(TimeSpan.FromSeconds(next));
}
