using Twill.Testing;

namespace Twill.EndToEnd.Tests.Tools;

public sealed class HexRowsTests
{
    [Fact]
    public void Equal_bytes_pass_in_silence() => HexRows.Equal([1, 2, 3], [1, 2, 3]);

    [Fact]
    public void A_difference_is_shown_in_its_row()
    {
        Action compare = () => HexRows.Equal([0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 9, 7, 8]);
        compare
            .Should()
            .Throw<Exception>()
            .WithMessage(
                """
                The bytes differ: expected 8 bytes, got 9.
                   offset  expected      actual
                        0  00 01 02 03   00 01 02 03
                ->      4  04 05 06 07   04 05 09 07
                ->      8                08

                """
            );
    }
}
