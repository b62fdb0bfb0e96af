/*
 * What GCC's C++ runtime from Debian, which is built for glibc, finds missing in musl. Bun for musl needs that runtime,
 * and Debian has none for musl; Alpine has. Only the test's runtime needs this: the addon brings its own.
 */
#include <locale.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded;
struct { unsigned int vendor, type, subtype, features; } __cpu_model;

int __cpu_indicator_init(void) { return 0; }

/* Not found: the unwinder then asks dl_iterate_phdr. */
int _dl_find_object(void* address, void* result) {
  (void)address, (void)result;
  return -1;
}

/* Destructors of a thread's objects do not run at its end. */
int __cxa_thread_atexit_impl(void (*destroy)(void*), void* object, void* library) {
  (void)destroy, (void)object, (void)library;
  return 0;
}

unsigned long __getauxval(unsigned long type) { return getauxval(type); }

unsigned int arc4random(void) {
  unsigned int value = 0;
  if (getrandom(&value, sizeof value, 0) != sizeof value) abort();
  return value;
}

size_t __strftime_l(char* text, size_t size, const char* format, const struct tm* when, locale_t locale) {
  return strftime_l(text, size, format, when, locale);
}
