/*
 * Preloaded into a program: memory and threads fail, but for the addon and libnl alone, since Node ends itself when it
 * gets no memory. The program orders the faults through the file FAULTS, which has a struct faults.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct faults {
  _Atomic int32_t allocation; /* this allocation from now on fails; 0 for none */
  int32_t all_after;          /* and all that follow it */
  int32_t no_threads;
  _Atomic int32_t failed; /* how many faults there were */
};

static struct faults nothing;
static struct faults *faults = &nothing;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("FAULTS");
  const int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *shared = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (shared != MAP_FAILED) faults = shared;
}

static int is_ours(const void *caller) {
  Dl_info info;
  if (dladdr(caller, &info) == 0 || info.dli_fname == NULL) return 0;
  return strstr(info.dli_fname, "flock_anycast.node") != NULL || strstr(info.dli_fname, "libnl-3") != NULL;
}

static int fails(const void *caller) {
  if (faults->allocation <= 0 || !is_ours(caller)) return 0;
  if (atomic_fetch_sub(&faults->allocation, 1) != 1) return 0;
  if (faults->all_after) faults->allocation = 1;
  faults->failed++;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) { return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
  static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
  if (faults->no_threads && is_ours(__builtin_return_address(0))) {
    faults->failed++;
    return EAGAIN;
  }
  return real(thread, attributes, body, argument);
}
