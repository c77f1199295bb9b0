#include <stdlib.h>

#include "CTestSupport.h"

// How many tests run at a time. Swift Testing begins all of them at once otherwise, and what each does next waits for all
// others: a step of a millisecond takes a minute, and what a test waits for is over before it looks. The variable is read
// once, at the start; who sets it decides.
__attribute__((constructor)) static void limitParallelTests(void) {
    setenv("SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH", "16", 0);
}
