// What the .NET runtime does at every start for the sake of servers, left out of programs that live for a few milliseconds.
//
// The linker's --wrap sends the runtime's calls of NAME to __wrap_NAME; __real_NAME is what NAME was. NativePlugin.props has the list of names, and
// fails the build when the runtime no longer calls one of them.
//
// Each function says what its absence costs. "Start" is `twill --version`, 1.3 ms, median of 640 runs. "ADD" is an ADD of both plugins, 4.2 ms,
// lower quartile of 560. All variants took turns, and were copied anew before every 40 runs: where a file's pages lie makes as much as 0.3 ms.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

// ---- Limits of memory and processors. The collector has a limit of its own (HeapHardLimit), and the plugins have one thread.

// Finds the limits of a control group in /proc/self/mountinfo, to which every container on the host adds lines.
// 0.13 ms of a start; 0.94 ms with 630 mounts.
void __wrap__Z16InitializeCGroupv(void) {}

// Reads the same once more. 0.11 ms of a start; 0.99 ms with 630 mounts.
void __wrap__Z19InitializeCpuCGroupv(void) {}

// Lists /sys/devices/system/node. 0.09 ms of an ADD.
void __wrap__Z21NUMASupportInitializev(void) {}

// The C library counts processors in /sys/devices/system/cpu, three times at a start. The plugins have one
// thread. With the next function 0.04 ms of a start.
long __real_sysconf(int name);

long __wrap_sysconf(int name) {
  return name == _SC_NPROCESSORS_CONF || name == _SC_NPROCESSORS_ONLN ? 1 : __real_sysconf(name);
}

// The runtime tells the kernel of each piece of its heap whether a core dump shall have it: 14 calls.
int __real_madvise(void *address, size_t length, int advice);

int __wrap_madvise(void *address, size_t length, int advice) {
  return advice == MADV_DODUMP || advice == MADV_DONTDUMP ? 0 : __real_madvise(address, length, advice);
}

// GCToOSInterface::GetMemoryStatus reads /proc/meminfo: how full memory is decides how hard the collector tries. A plugin has room.
// 0.11 ms of an ADD.
void __wrap__ZN15GCToOSInterface15GetMemoryStatusEmPjPmS1_(uint64_t limit, uint32_t *load, uint64_t *available, uint64_t *page_file) {
  if (load)
    *load = 0;
  if (available)
    *available = limit ? limit : 1u << 30;
  if (page_file)
    *page_file = 0;
}

// ---- The stack of the first thread, which the C library finds by reading /proc/self/maps. 0.20 ms of an ADD.

extern void *__libc_stack_end;
bool __real__Z24PalGetMaximumStackBoundsPPvS0_(void **low, void **high);

bool __wrap__Z24PalGetMaximumStackBoundsPPvS0_(void **low, void **high) {
  const uintptr_t page = 4096, usual = 8u << 20;
  struct rlimit limit;
  if (gettid() != getpid() || getrlimit(RLIMIT_STACK, &limit))
    return __real__Z24PalGetMaximumStackBoundsPPvS0_(low, high);
  *high = (void *)(((uintptr_t)__libc_stack_end + page - 1) & ~(page - 1));
  *low = (char *)*high - (limit.rlim_cur > INT_MAX ? usual : limit.rlim_cur & ~(page - 1));
  return true;
}

// ---- The thread that runs finalizers: 0.17 ms of a start. All that plugins have to close they close themselves, and the kernel the rest a moment
// later. Without the thread a plugin is a process of one thread, for which the kernel has shorter ways at its end, at file descriptors and at
// starting the IPAM plugin.

bool __wrap__Z23PalStartFinalizerThreadPFjPvES_(void *start, void *context) {
  (void)start;
  (void)context;
  return true;
}

// ---- Shared memory by name, which no plugin uses. Until glibc 2.34 it was in a library of its own (librt), which would be loaded at each start:
// 9 system calls.

int shm_open(const char *name, int flags, mode_t mode) {
  (void)name, (void)flags, (void)mode;
  errno = ENOSYS;
  return -1;
}

int shm_unlink(const char *name) { return shm_open(name, 0, 0); }
