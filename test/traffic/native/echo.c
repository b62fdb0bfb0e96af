// What runs in a pod: answers every UDP datagram and every TCP connection with what came and the pod's name.
//
//     echo NAME PORT DELAY-MS ADDRESS...
//
// Datagrams are answered DELAY-MS milliseconds after they came: a delay keeps requests in flight.
// Prints "ready" when it listens on every address. SIGTERM ends it at once, with whatever it had open.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

enum kind { DATAGRAM, LISTENER, CONNECTION };

static const char *name;
static int epoll;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int fd, enum kind kind) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | (uint32_t)fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
}

static void listen_on(const char *address, int port, int type) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  int is4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
  if (!is4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1) die(address);
  int fd = socket(is4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK, 0);
  int on = 1, buffer = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // What waits while others have the processor is no loss of the network's. Forced where that is allowed.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) < 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (bind(fd, is4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, is4 ? sizeof v4 : sizeof v6) < 0)
    die(address);
  if (type == SOCK_STREAM && listen(fd, 4096) < 0) die("listen");
  watch(fd, type == SOCK_STREAM ? LISTENER : DATAGRAM);
}

// An answer that waits: 8 bytes of the client's own, then our name. The delay is one for all, so they wait in
// line.
struct answer {
  int64_t due;
  int fd;
  struct sockaddr_storage to;
  socklen_t length;
  size_t size;
  char text[64];
};
#define LINE 16384
static struct answer line[LINE];
static size_t first, last;
static int64_t delay;

static void take_datagrams(int fd) {
  for (;;) {
    struct answer *answer = &line[last % LINE];
    answer->length = sizeof answer->to;
    ssize_t got = recvfrom(fd, answer->text, 8, 0, (struct sockaddr *)&answer->to, &answer->length);
    if (got < 0) return;
    answer->due = now_ns() + delay;
    answer->fd = fd;
    answer->size = got + strlen(name);
    memcpy(answer->text + got, name, strlen(name));
    if (++last - first == LINE) die("too many answers wait");
  }
}

// Returns in how many milliseconds the next answer is due; -1: none waits.
static int send_answers(void) {
  for (; first != last; first++) {
    struct answer *answer = &line[first % LINE];
    int64_t pause = answer->due - now_ns();
    if (pause > 0) return pause / 1000000 + 1;
    sendto(answer->fd, answer->text, answer->size, 0, (struct sockaddr *)&answer->to, answer->length);
  }
  return -1;
}

static void accept_connections(int fd) {
  int connection;
  while ((connection = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) watch(connection, CONNECTION);
}

// The client closes first, after it has our name.
static void answer_connection(int fd) {
  char text[128];
  ssize_t got = recv(fd, text, sizeof text, 0);
  if (got > 0)
    send(fd, name, strlen(name), MSG_NOSIGNAL);
  else if (got == 0 || errno != EAGAIN)
    close(fd);
}

int main(int count, char **arguments) {
  if (count < 5 || strlen(arguments[1]) > 32) {
    fputs("usage: echo NAME PORT DELAY-MS ADDRESS...\n", stderr);
    return 2;
  }
  // Nobody is left to stop us when the one who started us is gone.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  name = arguments[1];
  delay = atoi(arguments[3]) * 1000000LL;
  if ((epoll = epoll_create1(0)) < 0) die("epoll_create1");
  for (int i = 4; i < count; i++) {
    listen_on(arguments[i], atoi(arguments[2]), SOCK_DGRAM);
    listen_on(arguments[i], atoi(arguments[2]), SOCK_STREAM);
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    struct epoll_event events[256];
    int ready = epoll_wait(epoll, events, 256, send_answers());
    for (int i = 0; i < ready; i++) {
      int fd = (int)(uint32_t)events[i].data.u64;
      switch ((enum kind)(events[i].data.u64 >> 32)) {
        case DATAGRAM:
          take_datagrams(fd);
          break;
        case LISTENER:
          accept_connections(fd);
          break;
        case CONNECTION:
          answer_connection(fd);
          break;
      }
    }
  }
}
