// frames INTERFACE HEX [COUNT]: sends an Ethernet frame as it is, or COUNT of them whose source addresses' last four bytes count up.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { SOURCE_TAIL = 8 }; // of the source address at 6, the last four bytes

int main(int argc, char **argv)
{
    if (argc < 3)
    {
        fprintf(stderr, "usage: frames INTERFACE HEX [COUNT]\n");
        return 2;
    }

    unsigned char frame[1514];
    size_t length = strlen(argv[2]) / 2;
    for (size_t i = 0; i < length && i < sizeof frame; i++)
    {
        unsigned int byte;
        if (sscanf(argv[2] + 2 * i, "%2x", &byte) != 1)
        {
            fprintf(stderr, "not hexadecimal: %s\n", argv[2]);
            return 2;
        }
        frame[i] = (unsigned char)byte;
    }

    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1]), .sll_halen = ETH_ALEN};
    memcpy(to.sll_addr, frame, ETH_ALEN);
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    unsigned int count = argc > 3 ? (unsigned int)atoi(argv[3]) : 1;
    for (unsigned int i = 0; i < count; i++)
    {
        if (argc > 3)
        {
            unsigned int tail = htonl(i);
            memcpy(frame + SOURCE_TAIL, &tail, sizeof tail);
        }
        if (fd < 0 || sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof to) < 0)
        {
            perror("frames");
            return 1;
        }
    }
    return 0;
}
