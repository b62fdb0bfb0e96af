// Long TCP connections, and new ones at a steady rate: who answers them, and when they break.
//
//     flows STREAM...      STREAM is busy|idle|new,ADDRESS,PORT,COUNT
//
// busy: COUNT connections, each asking twice a second. idle: COUNT connections that ask when they are opened,
// and then on SIGUSR1 only. Either is opened again when it breaks, as a client would. new: COUNT connections
// a second, closed when they are answered.
//
// Each event is a line, printed when it happens:
//     NS STREAM-NUMBER CONNECTION EVENT SERVER
// EVENT: opened (SERVER has answered for the first time), answered (an idle one, asked by SIGUSR1), broken-E…
// or broken-silent (it was SERVER's, who may not have answered yet), failed-E… or failed-silent (it never stood). SIGTERM ends it.

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

#include "../../traffic/native/clock.h"

#define MS 1000000LL
#define INTERVAL (500 * MS)
// The kernel sends again after 0.2 s, 0.6 s, 1.4 s: what is silent for so long has nobody at its other end.
#define TIMEOUT (3000 * MS)

enum kind { BUSY, IDLE, NEW };
enum state { CLOSED, CONNECTING, ASKED, QUIET };

struct connection {
  int64_t due;  // When it is to be opened or to ask (CLOSED, QUIET); when we give up (CONNECTING, ASKED).
  int fd;
  uint8_t stream, state;
  bool known;  // It was answered before.
  char server[16];
};

struct stream {
  enum kind kind;
  int count;
  int64_t next;
  struct sockaddr_storage to;
  socklen_t length;
};

static struct connection *connections;
static size_t count, capacity;
static struct stream *streams;
static int epoll;
static volatile sig_atomic_t stopping, probing;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void on_stop(int signal) {
  (void)signal;
  stopping = 1;
}

static void on_probe(int signal) {
  (void)signal;
  probing = 1;
}

static void tell(size_t number, const char *event, const char *detail) {
  struct connection *connection = &connections[number];
  const char *server = connection->server[0] == '\0' ? "-" : connection->server;
  printf("%lld %d %zu %s%s %s\n", (long long)now_ns(), connection->stream, number, event, detail, server);
}

static void watch(size_t number, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.u64 = number};
  if (epoll_ctl(epoll, operation, connections[number].fd, &event) < 0) die("epoll_ctl");
}

static size_t add(int stream, int64_t due) {
  if (count == capacity) {
    capacity = capacity == 0 ? 16384 : capacity * 2;
    connections = realloc(connections, capacity * sizeof *connections);
    if (connections == NULL) die("realloc");
  }
  connections[count] = (struct connection){.due = due, .fd = -1, .stream = stream};
  return count++;
}

static void end(size_t number) {
  struct connection *connection = &connections[number];
  close(connection->fd);
  connection->fd = -1;
  connection->state = CLOSED;
  // Opened again at the next turn; a new one had its only chance.
  connection->due = streams[connection->stream].kind == NEW ? INT64_MAX : 0;
}

static void give_up(size_t number, const char *why) {
  struct connection *connection = &connections[number];
  tell(number, connection->state == CONNECTING ? "failed-" : "broken-", why);
  end(number);
}

// A source port is used once. A pod that was left without a word still has its end of the connection; when it
// exits, it says so to whoever has the port by then.
static int open_socket(int family) {
  static int next_port = 10000;
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  if (fd < 0) die("socket");
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(next_port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(next_port)};
  if (++next_port > 65535) die("no source port is left");
  bool is4 = family == AF_INET;
  if (bind(fd, is4 ? (void *)&v4 : (void *)&v6, is4 ? sizeof v4 : sizeof v6) < 0) die("bind");
  return fd;
}

static void open_connection(size_t number) {
  struct connection *connection = &connections[number];
  struct stream *stream = &streams[connection->stream];
  connection->fd = open_socket(stream->to.ss_family);
  connection->known = false;
  connection->server[0] = '\0';
  connection->state = CONNECTING;
  connection->due = now_ns() + TIMEOUT;
  if (connect(connection->fd, (void *)&stream->to, stream->length) < 0 && errno != EINPROGRESS) {
    watch(number, 0, EPOLL_CTL_ADD);
    return give_up(number, strerrorname_np(errno));
  }
  watch(number, EPOLLOUT, EPOLL_CTL_ADD);
}

static void ask(size_t number) {
  struct connection *connection = &connections[number];
  connection->state = ASKED;
  connection->due = now_ns() + TIMEOUT;
  if (send(connection->fd, "?", 1, MSG_NOSIGNAL) < 0) give_up(number, strerrorname_np(errno));
}

static void advance(size_t number) {
  struct connection *connection = &connections[number];
  struct stream *stream = &streams[connection->stream];
  if (connection->state == CONNECTING) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return give_up(number, strerrorname_np(error));
    watch(number, EPOLLIN, EPOLL_CTL_MOD);
    return ask(number);
  }
  char text[sizeof connection->server] = "";
  ssize_t got = recv(connection->fd, text, sizeof text - 1, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return give_up(number, got == 0 ? "EOF" : strerrorname_np(errno));
  memcpy(connection->server, text, sizeof text);
  if (!connection->known || stream->kind == IDLE) tell(number, connection->known ? "answered" : "opened", "");
  connection->known = true;
  connection->state = QUIET;
  connection->due = stream->kind == IDLE ? INT64_MAX : now_ns() + INTERVAL;
  if (stream->kind == NEW) end(number);
}

// Opens, asks and gives up as it is time.
static void keep_time(int64_t now, bool probe) {
  for (size_t i = 0; i < count; i++) {
    struct connection *connection = &connections[i];
    bool asked_for = probe && connection->state == QUIET && streams[connection->stream].kind == IDLE;
    if (connection->due > now && !asked_for) continue;
    if (connection->state == CLOSED)
      open_connection(i);
    else if (connection->state == QUIET)
      ask(i);
    else
      give_up(i, "silent");
  }
}

static void read_stream(struct stream *stream, char *text) {
  char *kind = strsep(&text, ","), *address = strsep(&text, ","), *port = strsep(&text, ",");
  if (text == NULL) die("usage: flows busy|idle|new,ADDRESS,PORT,COUNT...");
  stream->kind = strcmp(kind, "busy") == 0 ? BUSY : strcmp(kind, "idle") == 0 ? IDLE : NEW;
  stream->count = atoi(text);
  struct sockaddr_in *v4 = (struct sockaddr_in *)&stream->to;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&stream->to;
  if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET, v4->sin_port = htons(atoi(port)), stream->length = sizeof *v4;
  } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6, v6->sin6_port = htons(atoi(port)), stream->length = sizeof *v6;
  } else {
    die(address);
  }
}

int main(int argument_count, char **arguments) {
  // Nobody is left to stop us when the one who started us is gone.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  signal(SIGTERM, on_stop);
  signal(SIGUSR1, on_probe);
  if ((epoll = epoll_create1(0)) < 0) die("epoll_create1");
  int stream_count = argument_count - 1;
  streams = calloc(stream_count, sizeof *streams);
  int64_t start = now_ns();
  for (int i = 0; i < stream_count; i++) {
    struct stream *stream = &streams[i];
    read_stream(stream, arguments[i + 1]);
    stream->next = stream->kind == NEW ? start + INTERVAL : INT64_MAX;
    // Spread over one interval, so that they ask in turn.
    for (int n = 0; stream->kind != NEW && n < stream->count; n++)
      add(i, start + INTERVAL * n / stream->count);
  }
  while (!stopping) {
    int64_t now = now_ns();
    for (int i = 0; i < stream_count; i++) {
      for (; streams[i].next <= now; streams[i].next += 1000 * MS / streams[i].count) add(i, 0);
    }
    bool probe = probing;
    probing = 0;
    keep_time(now, probe);
    struct epoll_event events[256];
    int ready = epoll_wait(epoll, events, 256, 5);
    for (int i = 0; i < ready; i++) {
      if (connections[events[i].data.u64].fd >= 0) advance(events[i].data.u64);
    }
  }
  return 0;
}
