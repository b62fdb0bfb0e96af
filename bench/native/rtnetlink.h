// Route netlink without a library: messages prepared in advance, many per send, one ACK as a barrier.
//
// The field of all peers: destinations 198.18.0.0 + N or 2001:db8:: + N; nexthops through p0, p1, … to
// 10.1.I+1.2 or fd00:1:I+1::2, in variant 1 to .3 or ::3. bench/field.ts defines the same for the other peers.
#ifndef RTNETLINK_H
#define RTNETLINK_H

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define METRIC 16
#define MAX_MESSAGE 1024
#define RECEIVE_BUFFER (4 << 20)

#ifndef SO_RCVBUFFORCE
#define SO_RCVBUFFORCE 33
#endif

// Nanoseconds of CLOCK_MONOTONIC, the clock of process.hrtime.bigint() too.
static inline int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline int open_netlink(uint32_t groups, int receive_buffer) {
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (fd < 0) die("socket");
  // In a user namespace SO_RCVBUFFORCE is refused.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) < 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  int on = 1;
  setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
  if (bind(fd, (void *)&address, sizeof address) < 0) die("bind");
  return fd;
}

// Interfaces by index, looked up once in advance.
static inline uint32_t interface_index(int pod) {
  static uint32_t known[64];
  char name[16];
  snprintf(name, sizeof name, "p%d", pod);
  if (known[pod] == 0 && (known[pod] = if_nametoindex(name)) == 0) die(name);
  return known[pod];
}

static inline void *put(struct nlmsghdr *message, int type, const void *data, int length) {
  struct rtattr *attribute = (void *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = RTA_LENGTH(length);
  if (data != NULL) memcpy(RTA_DATA(attribute), data, length);
  message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + RTA_ALIGN(attribute->rta_len);
  return attribute;
}

static inline int address_length(int family) { return family == 4 ? 4 : 16; }

static inline void destination(int family, uint32_t number, uint8_t *out) {
  uint32_t word = htonl(family == 4 ? 0xc6120000u + number : number);
  memset(out, 0, 16);
  if (family == 6) memcpy(out, "\x20\x01\x0d\xb8", 4);
  memcpy(out + address_length(family) - 4, &word, 4);
}

static inline void gateway(int family, int pod, int variant, uint8_t *out) {
  memset(out, 0, 16);
  if (family == 4) {
    memcpy(out, (uint8_t[]){10, 1, pod + 1, 2 + variant}, 4);
  } else {
    char text[32];
    snprintf(text, sizeof text, "fd00:1:%d::%d", pod + 1, 2 + variant);
    if (inet_pton(AF_INET6, text, out) != 1) die(text);
  }
}

struct route {
  int type;   // RTM_NEWROUTE or RTM_DELROUTE
  int flags;  // beside NLM_F_REQUEST
  int family, protocol, nexthops, variant;
  uint32_t number;
};

static inline int encode(struct nlmsghdr *message, const struct route *route, uint32_t sequence) {
  uint8_t bytes[16];
  int length = address_length(route->family);
  memset(message, 0, NLMSG_LENGTH(sizeof(struct rtmsg)));
  message->nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg));
  message->nlmsg_type = route->type;
  message->nlmsg_flags = NLM_F_REQUEST | route->flags;
  message->nlmsg_seq = sequence;
  struct rtmsg *body = NLMSG_DATA(message);
  body->rtm_family = route->family == 4 ? AF_INET : AF_INET6;
  body->rtm_dst_len = length * 8;
  body->rtm_table = RT_TABLE_MAIN;
  body->rtm_protocol = route->protocol;
  body->rtm_scope = RT_SCOPE_UNIVERSE;
  body->rtm_type = RTN_UNICAST;
  destination(route->family, route->number, bytes);
  put(message, RTA_DST, bytes, length);
  uint32_t metric = METRIC;
  put(message, RTA_PRIORITY, &metric, 4);
  if (route->type == RTM_DELROUTE) return message->nlmsg_len;
  if (route->nexthops == 1) {
    uint32_t index = interface_index(0);
    gateway(route->family, 0, route->variant, bytes);
    put(message, RTA_GATEWAY, bytes, length);
    put(message, RTA_OIF, &index, 4);
    return message->nlmsg_len;
  }
  struct rtattr *multipath = put(message, RTA_MULTIPATH, NULL, 0);
  for (int pod = 0; pod < route->nexthops; pod++) {
    struct rtnexthop *hop = (void *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));
    memset(hop, 0, sizeof *hop);
    hop->rtnh_ifindex = interface_index(pod);
    message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + sizeof *hop;
    gateway(route->family, pod, route->variant, bytes);
    put(message, RTA_GATEWAY, bytes, length);
    hop->rtnh_len = (char *)message + message->nlmsg_len - (char *)hop;
  }
  multipath->rta_len = (char *)message + message->nlmsg_len - (char *)multipath;
  return message->nlmsg_len;
}

// Reads until the ACK of `sequence`. Returns the first error of a message before it, 0 without one.
static inline int await_ack(int fd, uint32_t sequence) {
  static char buffer[64 << 10];
  int failure = 0;
  for (;;) {
    ssize_t length = recv(fd, buffer, sizeof buffer, 0);
    if (length < 0) die("recv");
    for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, length); m = NLMSG_NEXT(m, length)) {
      if (m->nlmsg_type != NLMSG_ERROR) continue;
      int error = -((struct nlmsgerr *)NLMSG_DATA(m))->error;
      if (error != 0 && failure == 0) failure = error;
      if (m->nlmsg_seq == sequence) return failure;
    }
  }
}

#endif
