// What the .NET runtime does at every start for the sake of servers, replaced for programs that live for a few milliseconds. NativePlugin.props
// links this in: the linker's --wrap sends a call of NAME to __wrap_NAME, and __real_NAME is what NAME was.
//
// The names are the runtime's own, of the version that NativePlugin.props names. One that is gone in another version fails the link where it is
// needed here, and else has no effect.
#define _GNU_SOURCE
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

// ---- Limits of memory and processors. The collector has a limit of its own (GCHeapHardLimit); a container's need not be looked for. Doing so
// reads /proc/self/mountinfo, to which every container on the host adds a line, twice at each start.

void __wrap__Z16InitializeCGroupv(void) {}

void __wrap__Z19InitializeCpuCGroupv(void) {}

void __wrap__Z21NUMASupportInitializev(void) {}

// GCToOSInterface::GetMemoryStatus, which reads /proc/meminfo: how full memory is decides how hard the collector tries. It has room.
void __wrap__ZN15GCToOSInterface15GetMemoryStatusEmPjPmS1_(uint64_t limit, uint32_t *load, uint64_t *available, uint64_t *page_file) {
  if (load)
    *load = 0;
  if (available)
    *available = limit ? limit : 1u << 30;
  if (page_file)
    *page_file = 0;
}

// The C library reads /sys to count processors. As many as the highest that this process may run on is enough for the runtime, which then asks
// for the same mask.
long __real_sysconf(int name);

long __wrap_sysconf(int name) {
  cpu_set_t allowed;
  if ((name != _SC_NPROCESSORS_ONLN && name != _SC_NPROCESSORS_CONF) || sched_getaffinity(0, sizeof allowed, &allowed))
    return __real_sysconf(name);
  int highest = CPU_SETSIZE - 1;
  while (highest > 0 && !CPU_ISSET(highest, &allowed))
    highest--;
  return highest + 1;
}

// What a core dump leaves out: never anything of use, as untouched memory is in none anyway.
int __real_madvise(void *address, size_t length, int advice);

int __wrap_madvise(void *address, size_t length, int advice) {
  return advice == MADV_DODUMP || advice == MADV_DONTDUMP ? 0 : __real_madvise(address, length, advice);
}

// ---- The stack of the first thread, which the C library finds by reading /proc/self/maps.

extern void *__libc_stack_end;
bool __real_PalGetMaximumStackBounds(void **low, void **high);

bool __wrap_PalGetMaximumStackBounds(void **low, void **high) {
  const uintptr_t page = 4096, usual = 8u << 20;
  struct rlimit limit;
  if (gettid() != getpid() || getrlimit(RLIMIT_STACK, &limit))
    return __real_PalGetMaximumStackBounds(low, high);
  *high = (void *)(((uintptr_t)__libc_stack_end + page - 1) & ~(page - 1));
  *low = (char *)*high - (limit.rlim_cur > INT_MAX ? usual : limit.rlim_cur & ~(page - 1));
  return true;
}

// ---- The finalizers' thread. All that plugins have to close they close themselves, and the kernel the rest a moment later. Without it a plugin
// is a process of one thread, for which the kernel has shorter ways at its end, at file descriptors and at starting the IPAM plugin.

bool __wrap_PalStartFinalizerThread(void *start, void *context) {
  (void)start;
  (void)context;
  return true;
}

// ---- Static fields. For each type that has any with references in them the runtime allocates an object that never moves, several hundred in all:
// each time a search of the collector's free lists, half of all instructions of a start. Here they are cut from a larger piece. Until the program
// begins there is but one thread, and no collection; what is left over is, and always was, one of the unused gaps that a collector's heap has.

typedef struct {
  uint32_t flags, size;
} MethodTable;

enum { PINNED = 64, GAP = 24, LARGEST = 1024, PIECE = 32 * 1024 };

static const uint32_t of_any_length = 0x80000000;

extern MethodTable *g_pFreeObjectEEType;
void __real_RhAllocateNewObject(MethodTable *type, uint32_t flags, void *result);
void RhAllocateNewArray(MethodTable *type, uint32_t length, uint32_t flags, void *result);
uint32_t RhGetGcCollectionCount(int generation, bool special);
int __real___managed__Main(int argc, char **argv);

static bool has_begun;

// A gap: type, then length without head.
static char *rest;
static size_t left;

static void describe(MethodTable *type, uint32_t length) {
  *(MethodTable **)rest = type;
  *(uint32_t *)(rest + sizeof type) = length;
}

static bool is_room_for(size_t size) {
  if (left >= size + GAP)
    return true;
  RhAllocateNewArray(g_pFreeObjectEEType, PIECE - GAP, PINNED, &rest);
  left = rest ? PIECE : 0;
  return rest;
}

void __wrap_RhAllocateNewObject(MethodTable *type, uint32_t flags, void *result) {
  size_t size = type->size;
  if (has_begun || flags != PINNED || type->flags & of_any_length || size > LARGEST || size % sizeof(void *) ||
      RhGetGcCollectionCount(0, false) || !is_room_for(size)) {
    __real_RhAllocateNewObject(type, flags, result);
    return;
  }
  describe(type, 0);
  *(char **)result = rest;
  rest += size;
  left -= size;
  describe(g_pFreeObjectEEType, left - GAP);
}

int __wrap___managed__Main(int argc, char **argv) {
  has_begun = true;
  return __real___managed__Main(argc, argv);
}
