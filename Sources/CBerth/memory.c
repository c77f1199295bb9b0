#define _GNU_SOURCE
#include "CBerth.h"
#include <sys/mman.h>
#include <unistd.h>

int berth_memory_file(const char *name, int64_t size) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd >= 0 && ftruncate(fd, size) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void *berth_map_shared(int fd, size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

int berth_empty_shared(void *memory, size_t size) { return madvise(memory, size, MADV_REMOVE); }
