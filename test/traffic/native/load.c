// Requests at a steady rate, and what became of each.
//
//     load STREAM...      STREAM is udp|tcp,ADDRESS,PORT,RATE,PORTS
//
// RATE is requests a second. PORTS 0 gives every request a socket and a source port of its own; otherwise so
// many are used in turn, so that who answers a port tells who will be missed on it.
// A TCP request is a connection that asks who is there, and again after 20 ms: long enough to be hit by a
// rehash, and then it is known whose it was.
//
// SIGTERM ends the sending; what is under way is waited for, then each request is a line:
//     STREAM-NUMBER SOURCE-PORT SENT-NS CONNECTED-US TOOK-US OUTCOME SERVER
// OUTCOME: ok; silent (no answer in time); send-E… and icmp-E… of UDP; of TCP syn-silent and syn-E… before
// the connection stands, open-silent and open-E… after.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

#define MS 1000000LL
#define UDP_TIMEOUT (1000 * MS)
// A lost SYN is sent again after a second: longer than that, to tell late from never.
#define TCP_TIMEOUT (3000 * MS)
#define TCP_HOLD (20 * MS)

enum state { WAITING, CONNECTING, GREETED, HELD, ASKED, DONE };

struct request {
  int64_t sent, connected, took;
  int fd, error;
  uint16_t source_port;
  uint8_t stream, state;
  const char *outcome;
  char server[16];
};

struct stream {
  bool tcp;
  int family, ports, next_port, next_socket;
  int64_t interval, next;
  struct sockaddr_storage to;
  socklen_t length;
  struct {
    int fd;
    uint16_t port;
  } * sockets;
};

static struct request *requests;
static size_t count, capacity, oldest;
static struct stream *streams;
static int epoll, stream_count;
static volatile sig_atomic_t stopping;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void on_stop(int signal) {
  (void)signal;
  stopping = 1;
}

static void finish(struct request *request, const char *outcome, int error) {
  request->took = now_ns() - request->sent;
  request->outcome = outcome;
  request->error = error;
  request->state = DONE;
  if (streams[request->stream].ports == 0 && request->fd >= 0) close(request->fd);
}

// A socket connected to the stream's address, from the next source port that is free.
static int open_socket(struct stream *stream, uint16_t *port) {
  for (int attempt = 0; attempt < 50000; attempt++) {
    int fd = socket(stream->family, (stream->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
    if (fd < 0) die("socket");
    int on = 1, buffer = 1 << 20;
    *port = 10000 + stream->next_port++ % 50000;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(*port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(*port)};
    if (stream->family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (stream->tcp) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (stream->ports > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    bool is4 = stream->family == AF_INET;
    if (bind(fd, is4 ? (void *)&v4 : (void *)&v6, is4 ? sizeof v4 : sizeof v6) == 0 &&
        (connect(fd, (void *)&stream->to, stream->length) == 0 ||
         (errno != EADDRNOTAVAIL && errno != EADDRINUSE)))
      return fd;
    close(fd);
  }
  die("no source port is free");
  return -1;
}

static void watch(int fd, uint64_t data, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  if (epoll_ctl(epoll, operation, fd, &event) < 0) die("epoll_ctl");
}

static void send_request(int index, int64_t now) {
  struct stream *stream = &streams[index];
  if (count == capacity) {
    capacity = capacity == 0 ? 65536 : capacity * 2;
    requests = realloc(requests, capacity * sizeof *requests);
    if (requests == NULL) die("realloc");
  }
  uint64_t number = count++;
  struct request *request = &requests[number];
  memset(request, 0, sizeof *request);
  request->stream = index;
  request->sent = now;
  if (stream->ports > 0) {
    int socket = stream->next_socket++ % stream->ports;
    request->fd = stream->sockets[socket].fd;
    request->source_port = stream->sockets[socket].port;
  } else {
    request->fd = open_socket(stream, &request->source_port);
    watch(request->fd, number, stream->tcp ? EPOLLOUT : EPOLLIN, EPOLL_CTL_ADD);
  }
  request->state = stream->tcp ? CONNECTING : WAITING;
  if (!stream->tcp && send(request->fd, &number, sizeof number, 0) < 0) finish(request, "send", errno);
}

// Any answer on the socket is for the request that it carries the number of.
static void take_datagrams(int fd, uint64_t only) {
  struct {
    uint64_t number;
    char server[16];
  } answer;
  ssize_t got;
  for (;;) {
    memset(&answer, 0, sizeof answer);
    got = recv(fd, &answer, sizeof answer - 1, 0);
    if (got < 0) break;
    if (got < 9 || answer.number >= count) continue;
    struct request *request = &requests[answer.number];
    if (request->state != WAITING) continue;
    memcpy(request->server, answer.server, sizeof request->server);
    finish(request, "ok", 0);
    if (answer.number == only) return;
  }
  if (errno != EAGAIN && only != UINT64_MAX) finish(&requests[only], "icmp", errno);
}

static int error_of(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

static void ask(struct request *request, enum state state) {
  request->state = state;
  if (send(request->fd, "?", 1, MSG_NOSIGNAL) < 0) finish(request, "open", errno);
}

static void advance_connection(uint64_t number) {
  struct request *request = &requests[number];
  if (request->state == CONNECTING) {
    int error = error_of(request->fd);
    if (error != 0) return finish(request, "syn", error);
    request->connected = now_ns() - request->sent;
    watch(request->fd, number, EPOLLIN, EPOLL_CTL_MOD);
    return ask(request, GREETED);
  }
  ssize_t got = recv(request->fd, request->server, sizeof request->server - 1, 0);
  if (got > 0 && request->state == GREETED)
    request->state = HELD;
  else if (got > 0 && request->state == ASKED)
    finish(request, "ok", 0);
  else if (got >= 0)
    finish(request, "open", ECONNRESET);
  else if (errno != EAGAIN)
    finish(request, "open", errno);
}

// Asks on connections that were held for long enough, and gives up on what took too long.
static void keep_time(int64_t now) {
  for (size_t i = oldest; i < count; i++) {
    struct request *request = &requests[i];
    bool tcp = streams[request->stream].tcp;
    if (request->state == DONE) {
      if (i == oldest) oldest++;
    } else if (now - request->sent > (tcp ? TCP_TIMEOUT : UDP_TIMEOUT)) {
      finish(request, request->state == CONNECTING ? "syn-silent" : tcp ? "open-silent" : "silent", 0);
    } else if (request->state == HELD && now - request->sent - request->connected > TCP_HOLD) {
      ask(request, ASKED);
    }
  }
}

static void read_stream(struct stream *stream, char *text) {
  char *protocol = strsep(&text, ","), *address = strsep(&text, ","), *port = strsep(&text, ",");
  char *rate = strsep(&text, ","), *ports = strsep(&text, ",");
  if (ports == NULL) die("usage: load udp|tcp,ADDRESS,PORT,RATE,PORTS...");
  stream->tcp = strcmp(protocol, "tcp") == 0;
  stream->interval = 1000 * MS / atoi(rate);
  stream->ports = atoi(ports);
  // Another start, other ports: those of the last one may still be in TIME_WAIT.
  stream->next_port = now_ns() / 1000 % 50000;
  struct sockaddr_in *v4 = (struct sockaddr_in *)&stream->to;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&stream->to;
  if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET, v4->sin_port = htons(atoi(port)), stream->length = sizeof *v4;
  } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6, v6->sin6_port = htons(atoi(port)), stream->length = sizeof *v6;
  } else {
    die(address);
  }
  stream->family = stream->to.ss_family;
  stream->sockets = calloc(stream->ports, sizeof *stream->sockets);
  for (int i = 0; i < stream->ports; i++) {
    stream->sockets[i].fd = open_socket(stream, &stream->sockets[i].port);
    watch(stream->sockets[i].fd, (uint64_t)1 << 63 | stream->sockets[i].fd, EPOLLIN, EPOLL_CTL_ADD);
  }
}

static void print(const struct request *request) {
  printf("%d %d %lld %lld %lld %s", request->stream, request->source_port, (long long)request->sent,
         (long long)request->connected / 1000, (long long)request->took / 1000, request->outcome);
  if (request->error != 0) printf("-%s", strerrorname_np(request->error));
  printf(" %s\n", request->server[0] == '\0' ? "-" : request->server);
}

int main(int argument_count, char **arguments) {
  // Nobody is left to stop us when the one who started us is gone.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  signal(SIGTERM, on_stop);
  if ((epoll = epoll_create1(0)) < 0) die("epoll_create1");
  stream_count = argument_count - 1;
  streams = calloc(stream_count, sizeof *streams);
  for (int i = 0; i < stream_count; i++) read_stream(&streams[i], arguments[i + 1]);
  // Streams take turns, rather than all at the same moment.
  int64_t start = now_ns();
  for (int i = 0; i < stream_count; i++) {
    streams[i].next = start + streams[i].interval * i / stream_count;
  }
  while (!stopping || oldest < count) {
    int64_t now = now_ns(), wake = now + MS;
    for (int i = 0; i < stream_count && !stopping; i++) {
      for (; streams[i].next <= now; streams[i].next += streams[i].interval) send_request(i, now_ns());
      if (streams[i].next < wake) wake = streams[i].next;
    }
    keep_time(now);
    int64_t pause = wake - now_ns();
    struct timespec timeout = {.tv_nsec = pause > 0 ? pause : 0};
    struct epoll_event events[256];
    int ready = epoll_pwait2(epoll, events, 256, &timeout, NULL);
    for (int i = 0; i < ready; i++) {
      uint64_t data = events[i].data.u64;
      if (data >> 63)
        take_datagrams((int)(data & 0x7fffffff), UINT64_MAX);
      else if (requests[data].state == DONE)
        continue;
      else if (streams[requests[data].stream].tcp)
        advance_connection(data);
      else
        take_datagrams(requests[data].fd, data);
    }
  }
  for (size_t i = 0; i < count; i++) print(&requests[i]);
  return 0;
}
