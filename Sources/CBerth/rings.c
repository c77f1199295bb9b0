#define _GNU_SOURCE
#include "CBerth.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Numbers of the kernel's interface (include/uapi/linux/io_uring.h), the same on all machines.
enum { ENTER_GETEVENTS = 1 << 0, ENTER_EXT_ARG = 1 << 3 };
enum { REGISTER_PROBE = 8, REGISTER_RING_FDS = 20, UNREGISTER_RING_FDS, REGISTER_PBUF_RING, UNREGISTER_PBUF_RING };
#ifndef SYS_io_uring_setup
enum { SYS_io_uring_setup = 425, SYS_io_uring_enter, SYS_io_uring_register };
#endif

int berth_ring_setup(uint32_t entries, struct berth_ring_parameters *parameters) {
    return (int)syscall(SYS_io_uring_setup, entries, parameters);
}

int berth_ring_enter(int fd, uint32_t submitted, uint32_t awaited, uint32_t flags, int64_t nanoseconds) {
    if (!(flags & ENTER_GETEVENTS) || nanoseconds < 0)
        return (int)syscall(SYS_io_uring_enter, fd, submitted, awaited, flags, NULL, _NSIG / 8);
    struct { int64_t seconds, nanoseconds; } timeout = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    struct { uint64_t mask; uint32_t mask_size, reserved; uint64_t timeout; } argument = {
        0, _NSIG / 8, 0, (uintptr_t)&timeout};
    return (int)syscall(SYS_io_uring_enter, fd, submitted, awaited, flags | ENTER_EXT_ARG, &argument, sizeof argument);
}

int berth_ring_register(int fd, uint32_t operation, void *argument, uint32_t count) {
    return (int)syscall(SYS_io_uring_register, fd, operation, argument, count);
}

struct buffer_registration { uint64_t ring; uint32_t entries; uint16_t group, flags; uint64_t reserved[3]; };

int berth_ring_register_buffers(int fd, void *ring, uint32_t count, uint16_t group) {
    struct buffer_registration registration = {(uintptr_t)ring, count, group, 0, {0}};
    return berth_ring_register(fd, REGISTER_PBUF_RING, &registration, 1);
}

int berth_ring_unregister_buffers(int fd, uint16_t group) {
    struct buffer_registration registration = {0, 0, group, 0, {0}};
    return berth_ring_register(fd, UNREGISTER_PBUF_RING, &registration, 1);
}

struct descriptor_registration { uint32_t index, reserved; uint64_t fd; };

int berth_ring_register_descriptor(int fd) {
    struct descriptor_registration registration = {UINT32_MAX, 0, (uint64_t)fd};
    int result = berth_ring_register(fd, REGISTER_RING_FDS, &registration, 1);
    return result < 0 ? result : (int)registration.index;
}

int berth_ring_unregister_descriptor(int fd, int index) {
    struct descriptor_registration registration = {(uint32_t)index, 0, 0};
    return berth_ring_register(fd, UNREGISTER_RING_FDS, &registration, 1);
}

int berth_ring_knows(int fd, const uint8_t *operations, size_t count) {
    struct { uint8_t last, length; uint16_t reserved; uint32_t reserved2[3];
             struct { uint8_t operation, reserved; uint16_t flags; uint32_t reserved2; } all[256]; } probe;
    memset(&probe, 0, sizeof probe);
    if (berth_ring_register(fd, REGISTER_PROBE, &probe, 256) < 0) return -1;
    for (size_t i = 0; i < count; i++)
        if (operations[i] >= probe.length || !(probe.all[operations[i]].flags & 1)) return 0;
    return 1;
}

static void *not_inherited(void *memory, size_t size) {
    if (memory == MAP_FAILED) return NULL;
    if (madvise(memory, size, MADV_DONTFORK) == 0) return memory;
    int saved = errno;
    munmap(memory, size);
    errno = saved;
    return NULL;
}

void *berth_ring_map(int fd, uint64_t offset, size_t size) {
    return not_inherited(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (off_t)offset), size);
}

void *berth_ring_map_memory(size_t size) {
    return not_inherited(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), size);
}

void berth_ring_unmap(void *memory, size_t size) { munmap(memory, size); }
