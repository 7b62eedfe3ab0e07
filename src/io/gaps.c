#include "io/gaps.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* The largest b with 2^b <= ln 2 / density. */
static int choose_low_bits(int64_t count, int64_t n)
{
    int bits = 0;
    while (bits < 32 && count > 0 && (double)((int64_t)2 << bits) * (double)count <= 0.6931 * (double)n)
        bits++;
    return bits;
}

static void set_bit(uint8_t *stream, int64_t at) { stream[at >> 3] |= (uint8_t)(1u << (at & 7)); }

static void set_bits(uint8_t *stream, int64_t at, uint64_t value, int bits)
{
    for (int i = 0; i < bits; i++)
        if (value >> i & 1) set_bit(stream, at + i);
}

/* Bits at .. at + bits - 1, at most 32. */
static int64_t get_bits(const uint8_t *stream, int64_t bytes, int64_t at, int bits)
{
    uint64_t word = 0;
    const int64_t first = at >> 3, left = bytes - first;
    if (left >= 8)
        memcpy(&word, stream + first, 8);
    else if (left > 0)
        memcpy(&word, stream + first, (size_t)left);
    return (int64_t)(word >> (at & 7) & (((uint64_t)1 << bits) - 1));
}

wn_status wn__gaps_begin(int64_t count, int64_t n, wn__gaps *out)
{
    const int bits = choose_low_bits(count, n);
    wn__gaps g = {.count = count, .low_bits = bits, .last = -1, .low_bytes = (count * bits + 7) / 8};
    const int64_t most = (count + (n >> bits)) / 8 + 1;
    g.low = WN_NEW_ARRAY(uint8_t, g.low_bytes + 1);
    g.high = WN_NEW_ARRAY(uint8_t, most);
    if (!g.low || !g.high) {
        wn__gaps_release(&g);
        return wn__no_memory((size_t)(g.low_bytes + most));
    }
    *out = g;
    return WN_OK;
}

void wn__gaps_add(wn__gaps *g, int64_t place)
{
    const int64_t gap = place - g->last - 1;
    set_bits(g->low, g->added++ * g->low_bits, (uint64_t)gap, g->low_bits);
    g->high_bits += gap >> g->low_bits;
    set_bit(g->high, g->high_bits++);
    g->last = place;
}

void wn__gaps_end(wn__gaps *g) { g->high_bytes = (g->high_bits + 7) / 8; }

void wn__gaps_release(wn__gaps *g)
{
    wn__free(g->low);
    wn__free(g->high);
    *g = (wn__gaps){0};
}

/* Zeros up to the next one from bit *at on, which moves behind it; false if there is none. */
static bool next_quotient(const wn__gaps *g, int64_t *at, int64_t *zeros)
{
    const int64_t begin = *at;
    int64_t byte = begin >> 3;
    unsigned bits = byte < g->high_bytes ? g->high[byte] & (0xFFu << (begin & 7)) : 0;
    while (!bits && ++byte < g->high_bytes)
        bits = g->high[byte];
    if (!bits) return false;
    const int64_t one = 8 * byte + __builtin_ctz(bits);
    *zeros = one - begin;
    *at = one + 1;
    return true;
}

static void copy_value(const char *values, int size, int64_t from, char *dense, int64_t to)
{
    if (size == 4)
        memcpy(dense + 4 * to, values + 4 * from, 4);
    else
        memcpy(dense + 2 * to, values + 2 * from, 2);
}

typedef struct walk {
    int64_t entry, at, bit; /* the next one; the last place; of the high stream */
} walk;

static wn_status begin(const wn__gaps *g, int64_t n, walk *w)
{
    *w = (walk){.at = -1};
    if (g->low_bits >= 0 && g->low_bits <= 32 && g->count <= n && g->low_bytes == (g->count * g->low_bits + 7) / 8) return WN_OK;
    return wn__fail(WN_EFORMAT, "%lld gaps of %d low bits do not fit", (long long)g->count, g->low_bits);
}

/* w->at is the next entry's place. */
static inline wn_status next(const wn__gaps *g, int64_t n, walk *w)
{
    int64_t quotient;
    const int64_t i = w->entry++;
    if (!next_quotient(g, &w->bit, &quotient) || quotient > n >> g->low_bits)
        return wn__fail(WN_EFORMAT, "gap %lld of %lld is damaged", (long long)i, (long long)g->count);
    w->at += (quotient << g->low_bits | get_bits(g->low, g->low_bytes, i * g->low_bits, g->low_bits)) + 1;
    if (w->at < n) return WN_OK;
    return wn__fail(WN_EFORMAT, "entry %lld of %lld lies behind the end", (long long)i, (long long)g->count);
}

static wn_status end(const wn__gaps *g, const walk *w)
{
    if (g->high_bytes == (w->bit + 7) / 8) return WN_OK;
    return wn__fail(WN_EFORMAT, "bytes follow the last of %lld gaps", (long long)g->count);
}

wn_status wn__gaps_places(const wn__gaps *g, int64_t n, int64_t *place)
{
    walk w;
    WN_TRY(begin(g, n, &w));
    for (int64_t i = 0; i < g->count; i++) {
        WN_TRY(next(g, n, &w));
        place[i] = w.at;
    }
    return end(g, &w);
}

wn_status wn__gaps_spread(const wn__gaps *g, const void *values, int size, int64_t n, void *dense, uint8_t *mask)
{
    walk w;
    WN_TRY(begin(g, n, &w));
    for (int64_t i = 0; i < g->count; i++) {
        WN_TRY(next(g, n, &w));
        copy_value(values, size, i, dense, w.at);
        mask[w.at] = 1;
    }
    return end(g, &w);
}
