/* Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011), keyed by (seed, purpose) and addressed by a 128-bit counter.
 *
 * A value depends on its key and counter alone, never on who drew before: the same numbers come out for any thread count
 * and after any restart. A stream is a struct that the caller owns; there is no global generator.
 *
 * Known answer (Random123): key {0,0}, counter {0,0,0,0} gives 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
 */
#ifndef WN_BASE_RNG_H
#define WN_BASE_RNG_H

#include <stdint.h>

/* What a stream is for. The number is part of every result: never renumber, only append. */
typedef enum wn__purpose {
    WN__FOR_INIT = 1,     /* start weights; a = parameter index */
    WN__FOR_ORDER = 2,    /* order of samples; a = epoch */
    WN__FOR_AUGMENT = 3,  /* augmentation; a = epoch, b = sample */
    WN__FOR_MASK = 4,     /* random masks; a = layer */
    WN__FOR_DROPOUT = 5,  /* a = step, b = node */
    WN__FOR_TOPOLOGY = 6, /* topology updates; a = step, b = layer */
    WN__FOR_SHAPES = 7,   /* procedural images; a = index */
    WN__FOR_REINIT = 8,   /* re-drawn weights */
    WN__FOR_SPLIT = 9,    /* data splits, independent of the run's seed */
    WN__FOR_STREAM = 10,  /* sub-seeds of a replicate; a = which */
    WN__FOR_SCORE = 11,   /* scores before training; a = parameter or class, b = what for */
    WN__FOR_BASIS = 12,   /* random bases; a = parameter, b = the recipe's own number */
    WN__FOR_LABELS = 13,  /* label noise; a = sample, b = part */
    WN__FOR_SWEEP = 14,   /* trials of a sweep; a = trial, b = key */
    WN__FOR_CHANGES = 15, /* listed changes of samples (data/transform.h); a = epoch and place in the list, b = sample */
    WN__FOR_MIXING = 16,  /* batches mixed with themselves; a = epoch and place in the list, b = batch */
    WN__FOR_TEST = 100    /* tests */
} wn__purpose;

typedef struct wn__rng {
    uint32_t key[2], counter[4], block[4];
    int used; /* words of `block` handed out; 4 = empty */
} wn__rng;

static inline void wn__philox_round(uint32_t k0, uint32_t k1, uint32_t *c0, uint32_t *c1, uint32_t *c2, uint32_t *c3)
{
    const uint64_t p0 = (uint64_t)0xD2511F53u * *c0, p1 = (uint64_t)0xCD9E8D57u * *c2;
    *c0 = (uint32_t)(p1 >> 32) ^ *c1 ^ k0;
    *c2 = (uint32_t)(p0 >> 32) ^ *c3 ^ k1;
    *c1 = (uint32_t)p1;
    *c3 = (uint32_t)p0;
}

#define WN__PHILOX_ROUNDS 10
static inline void wn__philox_next_key(uint32_t *k0, uint32_t *k1)
{
    *k0 += 0x9E3779B9u;
    *k1 += 0xBB67AE85u;
}

static inline void wn__philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1], c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < WN__PHILOX_ROUNDS; round++) {
        wn__philox_round(k0, k1, &c0, &c1, &c2, &c3);
        wn__philox_next_key(&k0, &k1);
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* A stream of its own for each (seed, purpose, a, b): seed and purpose make the key; a and b fill the upper counter words (b modulo 2^32, a modulo 2^32). */
static inline wn__rng wn__rng_make(uint64_t seed, wn__purpose purpose, uint64_t a, uint64_t b)
{
    wn__rng r = {.used = 4};
    const uint32_t seed_key[2] = {(uint32_t)purpose, 0x57696E6Eu};
    const uint32_t seed_counter[4] = {(uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)(a >> 32), (uint32_t)(b >> 32)};
    uint32_t mixed[4];
    wn__philox(seed_key, seed_counter, mixed); /* so that nearby seeds share nothing, and 64-bit a and b count in full */
    r.key[0] = mixed[0];
    r.key[1] = mixed[1];
    r.counter[2] = (uint32_t)a ^ mixed[2];
    r.counter[3] = (uint32_t)b ^ mixed[3];
    return r;
}

static inline uint32_t wn__rng_u32(wn__rng *r)
{
    if (r->used == 4) {
        wn__philox(r->key, r->counter, r->block);
        if (++r->counter[0] == 0) r->counter[1]++;
        r->used = 0;
    }
    return r->block[r->used++];
}

/* The same stream, ready to hand out its 32-bit number `index`: a counter has four. */
static inline wn__rng wn__rng_make_at(uint64_t seed, wn__purpose purpose, uint64_t a, uint64_t b, uint64_t index)
{
    wn__rng r = wn__rng_make(seed, purpose, a, b);
    r.counter[0] = (uint32_t)(index / 4);
    r.counter[1] = (uint32_t)(index / 4 >> 32);
    for (uint64_t i = 0; i < index % 4; i++)
        wn__rng_u32(&r);
    return r;
}

static inline uint64_t wn__rng_u64(wn__rng *r)
{
    const uint64_t low = wn__rng_u32(r);
    return low | (uint64_t)wn__rng_u32(r) << 32;
}

/* Make `word` the number of the next 32-bit word (0 = the stream's first): as if so many had been drawn and thrown away. */
static inline void wn__rng_seek(wn__rng *r, uint64_t word)
{
    const uint64_t block = word / 4;
    const int skip = (int)(word % 4);
    r->counter[0] = (uint32_t)block;
    r->counter[1] = (uint32_t)(block >> 32);
    r->used = 4;
    for (int i = 0; i < skip; i++)
        wn__rng_u32(r);
}

/* Uniform in [0, 1): 24 bits, exact in float. */
static inline float wn__rng_uniform(wn__rng *r) { return (float)(wn__rng_u32(r) >> 8) * 0x1p-24f; }

/* Uniform in [0, 1): 53 bits. */
static inline double wn__rng_uniform_double(wn__rng *r) { return (double)(wn__rng_u64(r) >> 11) * 0x1p-53; }

/* Uniform from low to high, which is left out. */
static inline double wn__rng_between(wn__rng *r, double low, double high) { return low + (high - low) * wn__rng_uniform_double(r); }

/* Uniform integer in [0, n), n >= 1, without bias (Lemire 2019 with rejection on 64 bits). */
static inline uint64_t wn__rng_below(wn__rng *r, uint64_t n)
{
    for (;;) {
        const uint64_t x = wn__rng_u64(r);
        const unsigned __int128 m = (unsigned __int128)x * n;
        if ((uint64_t)m >= (-n) % n) return (uint64_t)(m >> 64);
    }
}

/* Standard normal: inverse distribution function (Wichura, AS 241) of a uniform in (0, 1), an odd multiple of 2^-53. Each takes one 64-bit
 * number, so streams can be split anywhere. Plain arithmetic and sqrt only: the same bits on every CPU. */
double wn__rng_normal(wn__rng *r);

/* Fisher-Yates over 0..n-1 written into order[n]. */
void wn__rng_permutation(wn__rng *r, int64_t n, int64_t *order);

#endif
