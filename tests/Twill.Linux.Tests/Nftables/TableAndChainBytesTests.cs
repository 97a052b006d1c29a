using Twill.Linux.Nftables;
using Twill.Testing;
using static Twill.Linux.Tests.Nftables.NftEncoding;

namespace Twill.Linux.Tests.Nftables;

/// <summary>Tables and chains, byte for byte as nft sends them.</summary>
public sealed class TableAndChainBytesTests
{
    [Theory, Golden("nftables/new-table.hex")]
    public void A_table_with_a_comment_is_what_nft_sends(Golden golden) => new NewTable(Table, "one table per network").ShouldBe(golden);

    [Theory, Golden("nftables/new-table-exclusive.hex")]
    public void A_table_that_must_not_exist_is_what_nft_create_sends(Golden golden) =>
        new NewTable(new TableId(NftFamily.Ip6, "twill-a")) { Exclusive = true }.ShouldBe(golden);

    [Theory, Golden("nftables/delete-table.hex")]
    public void A_deleted_table_is_what_nft_sends(Golden golden) => new DeleteTable(Table).ShouldBe(golden);

    [Theory, Golden("nftables/new-chain-regular.hex")]
    public void A_regular_chain_is_what_nft_sends(Golden golden) => new NewChain(Table, "helper").ShouldBe(golden);

    [Theory, Golden("nftables/new-chain-filter.hex")]
    public void A_filter_chain_with_policy_and_comment_is_what_nft_sends(Golden golden) =>
        new NewChain(
            Table,
            "forward",
            new BaseChain(ChainType.Filter, NftHook.Forward, ChainPriority.Filter, ChainPolicy.Accept),
            "between containers"
        ).ShouldBe(golden);

    [Theory, Golden("nftables/new-chain-nat.hex")]
    public void A_nat_chain_of_negative_priority_is_what_nft_sends(Golden golden) =>
        new NewChain(Table, "prerouting", new BaseChain(ChainType.Nat, NftHook.Prerouting, ChainPriority.Dstnat)).ShouldBe(golden);

    [Theory, Golden("nftables/new-chain-drop.hex")]
    public void A_chain_that_drops_is_what_nft_sends(Golden golden) =>
        new NewChain(Table, "input", new BaseChain(ChainType.Filter, NftHook.Input, ChainPriority.Filter + 10, ChainPolicy.Drop)).ShouldBe(
            golden
        );

    [Theory, Golden("nftables/delete-chain.hex")]
    public void A_deleted_chain_is_what_nft_sends(Golden golden) => new DeleteChain(Table, "helper").ShouldBe(golden);

    [Theory, Golden("nftables/flush-chain.hex")]
    public void A_flushed_chain_is_what_nft_sends(Golden golden) => new FlushChain(Table, "helper").ShouldBe(golden);
}
