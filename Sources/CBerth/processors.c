#define _GNU_SOURCE
#include "CBerth.h"
#include <sched.h>
#include <unistd.h>

int berth_processor_count(void) {
    cpu_set_t set;
    // Fails on machines with more than 1,024 of them.
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

// Of the Swift runtime: what UnsafeCurrentTask.isCancelled calls.
extern _Bool swift_task_isCancelled(const void *task) __attribute__((swiftcall));

_Bool berth_task_is_cancelled(const void *task) { return swift_task_isCancelled(task); }
