using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;
using Twill.Linux.TrafficControl;

namespace Twill.Linux.Tests.Netlink;

/// <summary>Real answers of the kernel, cut short at every byte and damaged at random: decoded, or refused with one exception.</summary>
public sealed class HostileInputTests
{
    public static TheoryData<string> Replies
    {
        get
        {
            TheoryData<string> names = [];
            foreach (string file in Directory.EnumerateFiles(Path.Combine(Captured.Directory(), "replies"), "*.hex"))
            {
                names.Add(Path.GetFileNameWithoutExtension(file));
            }

            return names;
        }
    }

    [Theory, MemberData(nameof(Replies))]
    public void Cut_short_anywhere_it_is_decoded_up_to_there_or_refused(string reply)
    {
        byte[] whole = Captured.Reply(reply);
        int refused = 0;
        for (int length = 0; length < whole.Length; length++)
        {
            // A copy of exactly this length, so that reading past it cannot find the rest.
            if (!TryDecode(whole[..length]))
            {
                refused++;
            }
        }
        refused.Should().BeGreaterThan(whole.Length / 2, "only a cut between two messages leaves nothing to refuse");
    }

    [Theory, MemberData(nameof(Replies))]
    public void Messages_whose_attributes_are_cut_short_are_refused_or_decoded(string reply)
    {
        byte[] whole = Captured.Reply(reply);
        int first = BitConverter.ToInt32(whole);
        for (int length = 16; length < first; length++)
        {
            byte[] cut = whole[..length];
            BitConverter.TryWriteBytes(cut, length); // the header agrees: it is the attributes that end too early
            TryDecode(cut);
        }
    }

    [Theory, MemberData(nameof(Replies))]
    public void Damaged_at_random_it_is_refused_or_decoded(string reply)
    {
        const int seed = 2024;
        Random random = new(seed);
        byte[] whole = Captured.Reply(reply);
        for (int round = 0; round < 1500; round++)
        {
            byte[] damaged = (byte[])whole.Clone();
            for (int i = random.Next(1, 6); i > 0; i--)
            {
                int at = random.Next(damaged.Length);
                damaged[at] = random.Next(3) switch
                {
                    0 => 0,
                    1 => 0xff,
                    _ => (byte)random.Next(256),
                };
            }
            TryDecode(damaged);
        }
    }

    [Fact]
    public void Noise_is_refused_or_decoded()
    {
        Random random = new(7);
        for (int round = 0; round < 5000; round++)
        {
            byte[] noise = new byte[random.Next(200)];
            random.NextBytes(noise);
            if (noise.Length > 8)
            {
                BitConverter.TryWriteBytes(noise, noise.Length);
                noise[4] = (byte)random.Next(2, 31);
                noise[5] = 0;
            }
            TryDecode(noise);
        }
    }

    // True when every message was decoded; any exception but one fails the test.
    private static bool TryDecode(byte[] datagram)
    {
        try
        {
            NetlinkMessages messages = new(datagram);
            while (messages.TryRead(out NetlinkMessage message))
            {
                if (message.Type is 2 or 3)
                {
                    NetlinkAck.Parse(in message);
                }

                Link.Decode(in message);
                InterfaceAddress.Decode(in message)?.Network.ToString();
                Route.Decode(in message)?.ToString();
                Neighbour.Decode(in message);
                Qdisc.Decode(in message)?.ToString();
                TcFilter.Decode(in message);
                NetworkChange.TryDecode(in message, out _);
            }
            return true;
        }
        catch (NetlinkFormatException)
        {
            return false;
        }
    }
}
