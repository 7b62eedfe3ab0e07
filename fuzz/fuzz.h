/* What libFuzzer calls with each input; replay.c calls it with the files of a corpus. Always returns 0. */
#ifndef WN_FUZZ_H
#define WN_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
