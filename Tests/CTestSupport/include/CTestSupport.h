// Nothing to call: what `width.c` does comes before main().
