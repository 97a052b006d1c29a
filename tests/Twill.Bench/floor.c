// The least a container's network can cost: a static program that asks the kernel for what an ADD or a DEL has to make or take away, in as few
// messages as it takes them, and does nothing else: no configuration, no result, no address record, no firewall. It is called as a CNI plugin
// is; the bridge cni0 is there. build: gcc -O2 -static
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_INDEX = 100000, PEER_INDEX = 100, ENOUGH = 4096 };

static char buffer[ENOUGH];
static int length;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static struct nlmsghdr *begin(int type, int flags, const void *header, int size) {
  struct nlmsghdr *m = (struct nlmsghdr *)(buffer + length);
  memset(m, 0, sizeof *m);
  m->nlmsg_type = type;
  m->nlmsg_flags = NLM_F_REQUEST | flags;
  length += NLMSG_HDRLEN;
  memcpy(buffer + length, header, size);
  length += NLMSG_ALIGN(size);
  return m;
}

static void end(struct nlmsghdr *m) { m->nlmsg_len = buffer + length - (char *)m; }

static struct rtattr *put(int type, const void *data, int size) {
  struct rtattr *a = (struct rtattr *)(buffer + length);
  a->rta_type = type;
  a->rta_len = RTA_LENGTH(size);
  if (size)
    memcpy(RTA_DATA(a), data, size);
  length += RTA_SPACE(size);
  return a;
}

static void close_nest(struct rtattr *a) { a->rta_len = buffer + length - (char *)a; }

static int netlink(unsigned groups) {
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0 || (groups && bind(fd, (struct sockaddr *)&address, sizeof address)))
    fail("socket");
  return fd;
}

// Sends what was put together, whose last message asks for an answer, and reads until that comes.
static void ask(int fd, struct nlmsghdr *last) {
  char answer[ENOUGH];
  end(last);
  if (send(fd, buffer, length, 0) != length)
    fail("send");
  length = 0;
  if (recv(fd, answer, sizeof answer, 0) < NLMSG_LENGTH((int)sizeof(int)))
    fail("recv");
  int error = ((struct nlmsgerr *)NLMSG_DATA(answer))->error;
  if (error) {
    fprintf(stderr, "refused: %s\n", strerror(-error));
    exit(1);
  }
}

static void add(const char *name, unsigned container, const char *netns) {
  int pod = open(netns, O_RDONLY | O_CLOEXEC);
  if (pod < 0)
    fail(netns);
  int host = netlink(0), bridge = if_nametoindex("cni0");
  // Who chooses the index of both ends need not ask for it (of the far end alone the kernel takes no notice).
  struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP, .ifi_index = HOST_INDEX + container}, peer = {.ifi_index = PEER_INDEX};
  struct nlmsghdr *m = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &up, sizeof up);
  put(IFLA_IFNAME, name, strlen(name) + 1);
  put(IFLA_MASTER, &bridge, sizeof bridge);
  struct rtattr *info = put(IFLA_LINKINFO, 0, 0);
  put(IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = put(IFLA_INFO_DATA, 0, 0), *other = put(VETH_INFO_PEER, &peer, sizeof peer);
  put(IFLA_IFNAME, "eth0", 5);
  put(IFLA_NET_NS_FD, &pod, sizeof pod);
  close_nest(other);
  close_nest(data);
  close_nest(info);
  ask(host, m);

  if (setns(pod, CLONE_NEWNET))
    fail("setns");
  int inside = netlink(0);
  unsigned address = htonl(0x0a5a0001 + container), gateway = htonl(0x0a5a0001);
  up.ifi_index = PEER_INDEX;
  end(begin(RTM_NEWLINK, 0, &up, sizeof up));
  struct ifaddrmsg on = {.ifa_family = AF_INET, .ifa_prefixlen = 20, .ifa_index = PEER_INDEX};
  m = begin(RTM_NEWADDR, NLM_F_CREATE, &on, sizeof on);
  put(IFA_LOCAL, &address, sizeof address);
  end(m);
  struct rtmsg route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST};
  m = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, &route, sizeof route);
  put(RTA_GATEWAY, &gateway, sizeof gateway);
  ask(inside, m);
}

// Done when the kernel has announced it; who waits for the rest, some 10 ms, is a child of which nobody waits for the end.
static void del(const char *name) {
  int news = netlink(RTMGRP_LINK), child = fork();
  if (child < 0)
    fail("fork");
  if (child == 0) {
    struct ifinfomsg any = {0};
    struct nlmsghdr *m = begin(RTM_DELLINK, NLM_F_ACK, &any, sizeof any);
    put(IFLA_IFNAME, name, strlen(name) + 1);
    ask(netlink(0), m);
    _exit(0);
  }
  char news_text[4 * ENOUGH];
  struct pollfd wait = {.fd = news, .events = POLLIN};
  while (poll(&wait, 1, 10000) > 0) {
    int size = recv(news, news_text, sizeof news_text, 0);
    for (struct nlmsghdr *m = (struct nlmsghdr *)news_text; NLMSG_OK(m, (unsigned)size); m = NLMSG_NEXT(m, size)) {
      if (m->nlmsg_type != RTM_DELLINK)
        continue;
      int left = IFLA_PAYLOAD(m);
      for (struct rtattr *a = IFLA_RTA(NLMSG_DATA(m)); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == IFLA_IFNAME && !strcmp(RTA_DATA(a), name))
          return;
    }
  }
  fail("no announcement");
}

int main(void) {
  const char *id = getenv("CNI_CONTAINERID"), *verb = getenv("CNI_COMMAND");
  unsigned container;
  char name[IFNAMSIZ];
  if (!id || !verb || sscanf(id, "bench-%8x", &container) != 1)
    return 2;
  snprintf(name, sizeof name, "fl%u", container);
  if (!strcmp(verb, "ADD"))
    add(name, container, getenv("CNI_NETNS"));
  else
    del(name);
  return 0;
}
