/* Kernels of resizing: weighted sums of rows of bytes. */
#ifndef WN_KERNELS_RESAMPLE_H
#define WN_KERNELS_RESAMPLE_H

#include <stdint.h>

#define WN__RESAMPLE_BITS 22 /* of a weight behind the point */

typedef struct wn__resample_kernels {
    /* out[i] = sum over k < taps of weight[k] * in[k * distance + i], for i < n: weights have 22 bits behind the point; halves are rounded up,
     * and what lies beyond 0..255 is cut off. out does not overlap in. */
    void (*weigh)(const uint8_t *in, int64_t distance, int taps, const int32_t *weight, int n, uint8_t *out);
} wn__resample_kernels;

const wn__resample_kernels *wn__resample_in_use(void); /* for the instruction set in use (base/cpu.h) */

#endif
