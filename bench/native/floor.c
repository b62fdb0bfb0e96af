// The floor: the time that the kernel itself takes for route changes, with as little user-space work as possible.
//
// Reads a command a line and answers each with a line, `error WORDS` when the kernel refuses:
//     add|replace|noop|delete FAMILY NEXTHOPS COUNT  -> MICROSECONDS for all of them, from the first send to the last ACK
//     dump FAMILY PROTOCOL                           -> MICROSECONDS ROUTES of the bare dump loop
//     count FAMILY                                   -> how many of the field's routes there are in variant 0 and in 1
//     one create|replace|delete FAMILY NUMBER PROTOCOL  -> NANOSECONDS before and after one message and its ACK
#include "rtnetlink.h"

#define PROTOCOL 70
// Messages per send and ACK: fewer need more system calls, more are no faster (128, 256, 1,024 tried).
#define WINDOW 256

static int fd;
static uint32_t sequence;

static int64_t change(const char *operation, int family, int nexthops, int count, int *failure) {
  int deleting = strcmp(operation, "delete") == 0, adding = strcmp(operation, "add") == 0;
  struct route route = {
      .type = deleting ? RTM_DELROUTE : RTM_NEWROUTE,
      .flags = deleting ? 0 : adding ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_REPLACE,
      .family = family,
      .protocol = PROTOCOL,
      .nexthops = nexthops,
      .variant = !adding,
  };
  char *messages = malloc((size_t)count * MAX_MESSAGE);
  size_t *ends = malloc(((size_t)count / WINDOW + 1) * sizeof *ends);
  if (messages == NULL || ends == NULL) die("malloc");
  size_t end = 0, windows = 0;
  uint32_t first = sequence;
  for (int number = 0; number < count; number++) {
    struct nlmsghdr *message = (void *)(messages + end);
    route.number = number;
    end += NLMSG_ALIGN(encode(message, &route, ++sequence));
    if ((number + 1) % WINDOW == 0 || number + 1 == count) {
      message->nlmsg_flags |= NLM_F_ACK;
      ends[windows++] = end;
    }
  }
  size_t start = 0;
  *failure = 0;
  int64_t began = now_ns();
  for (size_t window = 0; window < windows; window++) {
    uint32_t last = first + (window + 1 == windows ? (uint32_t)count : (uint32_t)(window + 1) * WINDOW);
    if (send(fd, messages + start, ends[window] - start, 0) < 0) die("send");
    int error = await_ack(fd, last);
    if (error != 0 && *failure == 0) *failure = error;
    start = ends[window];
  }
  int64_t took = now_ns() - began;
  free(messages);
  free(ends);
  return took;
}

static void request_dump(int family, int protocol) {
  struct {
    struct nlmsghdr header;
    struct rtmsg body;
  } request = {
      .header = {.nlmsg_len = sizeof request,
                 .nlmsg_type = RTM_GETROUTE,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                 .nlmsg_seq = ++sequence},
      .body = {.rtm_family = family == 4 ? AF_INET : AF_INET6,
               .rtm_table = RT_TABLE_MAIN,
               .rtm_protocol = protocol},
  };
  if (send(fd, &request, sizeof request, 0) < 0) die("send");
}

// The variant of a route of the field, from the last byte of its first gateway; -1 for other routes.
static int variant_of(struct nlmsghdr *message, int family) {
  struct rtmsg *body = NLMSG_DATA(message);
  int length = address_length(family), variant = -1, ours = 0;
  if (body->rtm_dst_len != length * 8 || body->rtm_table != RT_TABLE_MAIN) return -1;
  int rest = RTM_PAYLOAD(message);
  for (struct rtattr *a = RTM_RTA(body); RTA_OK(a, rest); a = RTA_NEXT(a, rest)) {
    uint8_t *data = RTA_DATA(a);
    if (a->rta_type == RTA_DST)
      ours = family == 4 ? data[0] == 198 && (data[1] & 0xfe) == 18 : memcmp(data, "\x20\x01\x0d\xb8", 4) == 0;
    if (a->rta_type == RTA_GATEWAY) variant = data[length - 1] - 2;
    if (a->rta_type == RTA_MULTIPATH) {
      struct rtattr *gateway = (void *)(data + sizeof(struct rtnexthop));
      variant = ((uint8_t *)RTA_DATA(gateway))[length - 1] - 2;
    }
  }
  return ours ? variant : -1;
}

static int64_t dump(int family, int protocol, int counts[2], int *routes) {
  static char buffer[64 << 10];
  counts[0] = counts[1] = *routes = 0;
  int64_t began = now_ns();
  request_dump(family, protocol);
  for (;;) {
    ssize_t length = recv(fd, buffer, sizeof buffer, 0);
    if (length < 0) die("recv");
    for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, length); m = NLMSG_NEXT(m, length)) {
      if (m->nlmsg_type == NLMSG_DONE) return now_ns() - began;
      if (m->nlmsg_type != RTM_NEWROUTE) continue;
      ++*routes;
      if (protocol != 0) continue;
      int variant = variant_of(m, family);
      if (variant == 0 || variant == 1) counts[variant]++;
    }
  }
}

static void one(const char *operation, int family, uint32_t number, int protocol) {
  char message[MAX_MESSAGE];
  int deleting = strcmp(operation, "delete") == 0, creating = strcmp(operation, "create") == 0;
  struct route route = {
      .type = deleting ? RTM_DELROUTE : RTM_NEWROUTE,
      .flags = NLM_F_ACK | (deleting ? 0 : creating ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_REPLACE),
      .family = family,
      .protocol = protocol,
      .nexthops = 1,
      .number = number,
  };
  int length = encode((void *)message, &route, ++sequence);
  int64_t began = now_ns();
  if (send(fd, message, length, 0) < 0) die("send");
  int error = await_ack(fd, sequence);
  int64_t ended = now_ns();
  if (error != 0) printf("error %s\n", strerror(error));
  else printf("%lld %lld\n", (long long)began, (long long)ended);
}

int main(void) {
  char line[128], word[16], operation[16];
  int family, a, b, counts[2], routes, failure;
  fd = open_netlink(0, RECEIVE_BUFFER);
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (sscanf(line, "one %15s %d %d %d", operation, &family, &a, &b) == 4) {
      one(operation, family, a, b);
    } else if (sscanf(line, "dump %d %d", &family, &a) == 2) {
      int64_t took = dump(family, a, counts, &routes);
      printf("%.1f %d\n", took / 1e3, routes);
    } else if (sscanf(line, "count %d", &family) == 1) {
      dump(family, 0, counts, &routes);
      printf("%d %d\n", counts[0], counts[1]);
    } else if (sscanf(line, "%15s %d %d %d", word, &family, &a, &b) == 4) {
      int64_t took = change(word, family, a, b, &failure);
      if (failure != 0) printf("error %s\n", strerror(failure));
      else printf("%.1f\n", took / 1e3);
    } else {
      printf("error not understood\n");
    }
  }
  return 0;
}
