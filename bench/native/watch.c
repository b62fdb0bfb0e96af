// Listens to route changes of both families.
//
//     watch discard   reads and drops: the bare cost of a listener
//     watch print     one line per change: NANOSECONDS + or - PROTOCOL ADDRESS, of host routes in the main table
//
// Prints `listening` when it has begun.
#include <sys/resource.h>

#include "rtnetlink.h"

static void print(struct nlmsghdr *message, int64_t at) {
  struct rtmsg *body = NLMSG_DATA(message);
  int length = body->rtm_family == AF_INET ? 4 : 16, rest = RTM_PAYLOAD(message);
  char address[INET6_ADDRSTRLEN];
  if (body->rtm_table != RT_TABLE_MAIN || body->rtm_dst_len != length * 8) return;
  for (struct rtattr *a = RTM_RTA(body); RTA_OK(a, rest); a = RTA_NEXT(a, rest)) {
    if (a->rta_type != RTA_DST || inet_ntop(body->rtm_family, RTA_DATA(a), address, sizeof address) == NULL)
      continue;
    printf("%lld %c %d %s\n", (long long)at, message->nlmsg_type == RTM_NEWROUTE ? '+' : '-',
           body->rtm_protocol, address);
  }
}

int main(int count, char **words) {
  static char buffer[256 << 10];
  int printing = count == 2 && strcmp(words[1], "print") == 0;
  int fd = open_netlink(RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE, 64 << 20);
  // High priority: a process that waits for the CPU would record a time that is too late. Not permitted to every user.
  if (printing) setpriority(PRIO_PROCESS, 0, -20);
  printf("listening\n");
  fflush(stdout);
  for (;;) {
    ssize_t length = recv(fd, buffer, sizeof buffer, 0);
    if (length < 0 && errno != ENOBUFS) die("recv");
    if (length < 0 || !printing) continue;
    int64_t at = now_ns();
    for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, length); m = NLMSG_NEXT(m, length))
      if (m->nlmsg_type == RTM_NEWROUTE || m->nlmsg_type == RTM_DELROUTE) print(m, at);
    fflush(stdout);
  }
}
