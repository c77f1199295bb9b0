// io_uring(7): its structures under names of our own, since the headers of many systems are older than their kernel, and
// what both sides of its rings agree on. No decision is made here.
#ifndef CBERTH_RING_H
#define CBERTH_RING_H

#include <stddef.h>
#include <stdint.h>

// struct io_uring_sqe, with the members of its unions that Berth uses.
struct berth_ring_entry {
    uint8_t opcode, flags;
    uint16_t priority;
    int32_t fd;
    uint64_t offset, address;
    uint32_t length, operation_flags;
    uint64_t token;
    uint16_t buffer_group, personality;
    int32_t file_index;
    uint64_t address3, reserved;
};
_Static_assert(sizeof(struct berth_ring_entry) == 64, "struct io_uring_sqe");

// struct io_uring_cqe.
struct berth_ring_completion {
    uint64_t token;
    int32_t result;
    uint32_t flags;
};
_Static_assert(sizeof(struct berth_ring_completion) == 16, "struct io_uring_cqe");

// struct io_uring_buf. The last member of the first one of a ring is the ring's tail.
struct berth_ring_buffer {
    uint64_t address;
    uint32_t length;
    uint16_t id, tail;
};
_Static_assert(sizeof(struct berth_ring_buffer) == 16, "struct io_uring_buf");

// struct io_uring_params.
struct berth_ring_parameters {
    uint32_t entries, completions, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, reserved[3];
    struct { uint32_t head, tail, mask, entries, flags, dropped, array, reserved[3]; } submission;
    struct { uint32_t head, tail, mask, entries, overflow, completions, flags, reserved[3]; } completion;
};
_Static_assert(sizeof(struct berth_ring_parameters) == 120, "struct io_uring_params");

int berth_ring_setup(uint32_t entries, struct berth_ring_parameters *parameters);
// Waits for nanoseconds at most, for as long as it takes where they are negative; they count with GETEVENTS alone.
int berth_ring_enter(int fd, uint32_t submitted, uint32_t awaited, uint32_t flags, int64_t nanoseconds);
int berth_ring_register(int fd, uint32_t operation, void *argument, uint32_t count);
int berth_ring_register_buffers(int fd, void *ring, uint32_t count, uint16_t group);
int berth_ring_unregister_buffers(int fd, uint16_t group);
// Enters the ring into the calling thread's own table, and returns its index there.
int berth_ring_register_descriptor(int fd);
int berth_ring_unregister_descriptor(int fd, int index);
// Whether all of these operations are known; -1 and errno when that cannot be asked.
int berth_ring_knows(int fd, const uint8_t *operations, size_t count);

// Null and errno where there is none. Neither kind of memory is inherited by a child process.
void *berth_ring_map(int fd, uint64_t offset, size_t size);
void *berth_ring_map_memory(size_t size);
void berth_ring_unmap(void *memory, size_t size);

// What the other side has written before it moved the index is seen, and the other way round.
static inline uint32_t berth_ring_load(const uint32_t *index) { return __atomic_load_n(index, __ATOMIC_ACQUIRE); }
static inline void berth_ring_store(uint32_t *index, uint32_t value) { __atomic_store_n(index, value, __ATOMIC_RELEASE); }
static inline void berth_ring_store_tail(struct berth_ring_buffer *ring, uint16_t value) {
    __atomic_store_n(&ring->tail, value, __ATOMIC_RELEASE);
}
// A mask of poll(2) as a submission carries it: its halves are swapped on machines that are big-endian.
static inline uint32_t berth_ring_poll_mask(uint32_t events) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return events << 16 | events >> 16;
#else
    return events;
#endif
}

#endif
