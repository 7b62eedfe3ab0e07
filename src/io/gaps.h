/* Masks in few bytes: the gaps between active entries.
 *
 * The active entries of a tensor lie at ascending places p(0), p(1), ... of its flat array. Of the gaps g(i) = p(i) - p(i-1) - 1, p(-1) = -1, the low b bits
 * stand in one stream, the rest in unary in another: g >> b zeros, then a one (Rice's code, 1979, in two streams). Bits are counted from the lowest of each byte on.
 * With b near log2(0.69 / density) that is within a few per cent of what such gaps can take: 3.8 bits an entry at 80 %, 9.2 at 99.5 %.
 * docs/format.md has the layout of files and a reader of few lines. */
#ifndef WN_IO_GAPS_H
#define WN_IO_GAPS_H

#include "winnow/core.h"

typedef struct wn__gaps {
    int64_t count; /* active entries */
    int low_bits;  /* b */
    uint8_t *low, *high;
    int64_t low_bytes, high_bytes;
    int64_t added, last, high_bits; /* while they are made */
} wn__gaps;

/* Streams, owned, for `count` active entries of n; then each of them in ascending order; then the end. */
wn_status wn__gaps_begin(int64_t count, int64_t n, wn__gaps *out);
void wn__gaps_add(wn__gaps *g, int64_t place);
void wn__gaps_end(wn__gaps *g);
void wn__gaps_release(wn__gaps *g); /* accepts a zeroed one */
/* The places of all entries (count), ascending and below n. Failures as below. */
wn_status wn__gaps_places(const wn__gaps *g, int64_t n, int64_t *place);
/* values (count), of `size` bytes each, 2 or 4, to their places in dense (n) and 1 into mask (n), both zeroed before. Values may lie at any address.
 * WN_EFORMAT without a file's name: the streams do not fit the counts, or each other. */
wn_status wn__gaps_spread(const wn__gaps *g, const void *values, int size, int64_t n, void *dense, uint8_t *mask);

#endif
