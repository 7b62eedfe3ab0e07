#include "sparse/prune/mask.h"

#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/rng.h"
#include "tensor/compression.h"

const char *const wn__scope_names[] = {"global", "layer", "distribution", "n-of-m", NULL};
const char *const wn__prune_rule_names[] = {"exact", "kd-ticket", "open-lth", NULL};
const char *const wn__empty_names[] = {"warn", "keep-one", NULL};
const char *const wn__shuffle_names[] = {"layer", "global", "even", NULL};

/* New masks beside the old ones: nothing changes until all are known. */
typedef struct plan {
    wn__params *params;
    const bool *selected;
    const float *const *score;
    uint8_t **mask;   /* (count), NULL for unselected parameters */
    int64_t *kept;    /* (count) */
    int64_t *buckets; /* (65536) */
} plan;

static void plan_release(plan *p)
{
    for (int i = 0; p->mask && i < p->params->count; i++)
        wn__free(p->mask[i]);
    wn__free(p->mask);
    wn__free(p->kept);
    wn__free(p->buckets);
}

static wn_status plan_init(plan *p, wn__params *params, const wn__selection *selection, const float *const *score)
{
    *p = (plan){.params = params, .selected = selection->selected, .score = score};
    p->mask = WN_NEW_ARRAY(uint8_t *, params->count);
    p->kept = WN_NEW_ARRAY(int64_t, params->count);
    p->buckets = WN_NEW_ARRAY(int64_t, 65536);
    bool made = p->mask && p->kept && p->buckets;
    for (int i = 0; made && i < params->count; i++)
        if (p->selected[i]) made = (p->mask[i] = wn__alloc((size_t)params->item[i].stored)) != NULL;
    if (made) return WN_OK;
    plan_release(p);
    return wn__no_memory((size_t)params->count * sizeof(uint8_t *));
}

/* Drop the entries of a compressed parameter that the mask over its entries leaves out. */
static wn_status drop_entries(wn__params *params, wn__param *p, const uint8_t *mask)
{
    int64_t drops = 0;
    for (int64_t e = 0; e < p->stored; e++)
        drops += !mask[e];
    int64_t *drop = WN_NEW_ARRAY(int64_t, drops);
    if (!drop) return wn__no_memory((size_t)drops * sizeof *drop);
    drops = 0;
    for (int64_t e = 0; e < p->stored; e++)
        if (!mask[e]) drop[drops++] = e;
    const wn_status status = wn__params_update_topology(params, p, &(wn__topology_update){.drop = drop, .drops = drops});
    wn__free(drop);
    return status;
}

static wn_status plan_commit(plan *p)
{
    for (int i = 0; i < p->params->count; i++) {
        wn__param *param = &p->params->item[i];
        if (p->selected[i]) WN_TRY(param->pattern ? drop_entries(p->params, param, p->mask[i]) : wn__param_set_mask(param, p->mask[i]));
    }
    p->params->version++;
    return WN_OK;
}

static bool is_active(const wn__param *p, int64_t e) { return !p->mask || p->mask[e]; }

/* Unsigned number in the order of the scores; both zeros are one. */
static uint32_t key_of(float score)
{
    uint32_t bits;
    score += 0.0f;
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* ---- the threshold: what the entry of a rank scores, found in two counting passes over the active entries of parameters [from, to) */

static void count_keys(plan *p, int from, int to, bool fine, uint32_t high)
{
    memset(p->buckets, 0, 65536 * sizeof *p->buckets);
    for (int i = from; i < to; i++) {
        if (!p->selected[i]) continue;
        const wn__param *param = &p->params->item[i];
        for (int64_t e = 0; e < param->stored; e++) {
            if (!is_active(param, e)) continue;
            const uint32_t key = key_of(p->score[i][e]);
            if (!fine)
                p->buckets[key >> 16]++;
            else if (key >> 16 == high)
                p->buckets[key & 0xFFFFu]++;
        }
    }
}

/* The bucket that holds the rank-th largest; rank becomes the rank within it. */
static uint32_t bucket_of_rank(const plan *p, int64_t *rank)
{
    uint32_t b = 65535;
    while (*rank >= p->buckets[b])
        *rank -= p->buckets[b--];
    return b;
}

/* Key of the rank-th largest active score (0 = largest); *equal = how many of its equals come up to and including that rank. */
static uint32_t key_of_rank(plan *p, int from, int to, int64_t rank, int64_t *equal)
{
    count_keys(p, from, to, false, 0);
    const uint32_t high = bucket_of_rank(p, &rank);
    count_keys(p, from, to, true, high);
    const uint32_t low = bucket_of_rank(p, &rank);
    *equal = rank + 1;
    return high << 16 | low;
}

/* Keeps what is above `key`, and the first `equal` of those at it. */
static void keep_from(plan *p, int from, int to, uint32_t key, int64_t equal)
{
    for (int i = from; i < to; i++) {
        if (!p->selected[i]) continue;
        const wn__param *param = &p->params->item[i];
        for (int64_t e = 0; e < param->stored; e++) {
            const uint32_t k = key_of(p->score[i][e]);
            bool keep = is_active(param, e) && k >= key;
            if (keep && k == key) keep = equal-- > 0;
            p->mask[i][e] = keep;
            p->kept[i] += keep;
        }
    }
}

/* ---- pruning */

/* How many of `active` are kept under a threshold rule: ranks are of ascending scores, and the threshold itself goes. */
static int64_t threshold_rank(int rule, int64_t entries, int64_t active, double sparsity)
{
    const double reached = 1 - (double)active / (double)entries;
    const double rate = active == entries ? sparsity : (sparsity - reached) / (1 - reached);
    const double rank = rule == WN__PRUNE_KD_TICKET ? floor((double)active * rate) : ceil((double)active * rate);
    return rank < (double)active ? (int64_t)rank : active - 1;
}

static wn_status prune_range(plan *p, int from, int to, const wn__prune *how, const char *what)
{
    int64_t entries = 0, active = 0;
    for (int i = from; i < to; i++) {
        if (!p->selected[i]) continue;
        entries += wn__param_entries(&p->params->item[i]);
        active += p->params->item[i].active;
    }
    if (entries == 0) return WN_OK;
    const bool counted = how->scope == WN__SCOPE_DISTRIBUTION;
    const double sparsity = counted ? 1 - (double)how->keep[from] / (double)entries : how->sparsity;
    const int64_t kept = counted ? how->keep[from] : llround((1 - sparsity) * (double)entries);
    if (kept > active)
        return wn__fail(WN_EUSAGE, "%s: sparsity %.6g is asked for, but %.6g is reached already", what, sparsity,
                        1 - (double)active / (double)entries);
    int64_t equal = 0;
    if (kept == active) {
        keep_from(p, from, to, 0, INT64_MAX);
    } else if (how->rule == WN__PRUNE_EXACT) {
        const uint32_t key = kept ? key_of_rank(p, from, to, kept - 1, &equal) : UINT32_MAX;
        keep_from(p, from, to, key, equal);
    } else {
        const int64_t rank = threshold_rank(how->rule, entries, active, sparsity);
        keep_from(p, from, to, key_of_rank(p, from, to, active - 1 - rank, &equal), 0);
    }
    return WN_OK;
}

static wn_status check(const plan *p, const wn__prune *how)
{
    if (!(how->sparsity >= 0 && how->sparsity < 1))
        return wn__fail(WN_EUSAGE, "sparsity %g, must be at least 0 and below 1", how->sparsity);
    for (int i = 0; i < p->params->count; i++) {
        const wn__param *param = &p->params->item[i];
        for (int64_t e = 0; p->selected[i] && e < param->stored; e++)
            if (is_active(param, e) && !isfinite(p->score[i][e]))
                return wn__fail(WN_EDIVERGED, "%s: the score of entry %lld is %g, cannot prune by it", param->name, (long long)e,
                                (double)p->score[i][e]);
    }
    return WN_OK;
}

/* ---- emptied layers */

/* Position of the best (or of the worst kept) active entry of parameter i; of equals the first (or the last). */
static int64_t extreme(const plan *p, int i, bool best)
{
    const wn__param *param = &p->params->item[i];
    int64_t found = -1;
    for (int64_t e = 0; e < param->stored; e++) {
        if (best ? !is_active(param, e) : !p->mask[i][e]) continue;
        const uint32_t key = key_of(p->score[i][e]);
        if (found < 0 || (best ? key > key_of(p->score[i][found]) : key <= key_of(p->score[i][found]))) found = e;
    }
    return found;
}

static void drop_worst(plan *p)
{
    int layer = -1;
    int64_t entry = -1;
    for (int i = 0; i < p->params->count; i++) {
        if (!p->selected[i] || p->kept[i] < 2) continue;
        const int64_t e = extreme(p, i, false);
        if (layer < 0 || key_of(p->score[i][e]) <= key_of(p->score[layer][entry])) {
            layer = i;
            entry = e;
        }
    }
    if (layer < 0) return; /* every layer is down to one */
    p->mask[layer][entry] = 0;
    p->kept[layer]--;
}

static void care_for_empty(plan *p, int how)
{
    for (int i = 0; i < p->params->count; i++) {
        if (!p->selected[i] || p->kept[i] > 0) continue;
        const int64_t best = how == WN__EMPTY_KEEP_ONE ? extreme(p, i, true) : -1;
        if (best < 0) {
            if (p->params->item[i].active > 0) /* else it was told before */
                wn__log(WN_LOG_WARNING, "%s loses all of its weights", p->params->item[i].name);
            continue;
        }
        p->mask[i][best] = 1;
        p->kept[i] = 1;
        drop_worst(p);
    }
}

/* What is pruned already ranks last in its group, and stays pruned. */
static wn_status prune_groups(plan *p, const wn__selection *selection, const wn__n_of_m *rule)
{
    WN_TRY(wn__n_of_m_check(rule, selection, p->params));
    for (int i = 0; i < p->params->count; i++) {
        const wn__param *param = &p->params->item[i];
        if (!p->selected[i]) continue;
        if (param->pattern) return wn__fail(WN_EUNSUPPORTED, "%s is compressed: groups of it cannot be pruned", param->name);
        float *score = WN_NEW_ARRAY(float, param->count);
        if (!score) return wn__no_memory((size_t)param->count * sizeof *score);
        for (int64_t e = 0; e < param->count; e++)
            score[e] = is_active(param, e) ? p->score[i][e] : -INFINITY;
        wn__n_of_m_mask(rule, param, score, p->mask[i]);
        for (int64_t e = 0; e < param->count; e++)
            p->kept[i] += p->mask[i][e] = p->mask[i][e] && is_active(param, e);
        wn__free(score);
    }
    return WN_OK;
}

wn_status wn__masks_prune(wn__params *params, const wn__selection *selection, const float *const *score, const wn__prune *prune)
{
    plan p;
    WN_TRY(plan_init(&p, params, selection, score));
    wn_status status;
    WN_TRY_OR(done, check(&p, prune));
    if (prune->scope == WN__SCOPE_N_OF_M) {
        WN_TRY_OR(done, prune_groups(&p, selection, &prune->n_of_m));
    } else if (prune->scope == WN__SCOPE_GLOBAL) {
        WN_TRY_OR(done, prune_range(&p, 0, params->count, prune, "the selected layers"));
    } else {
        for (int i = 0; i < params->count; i++)
            WN_TRY_OR(done, prune_range(&p, i, i + 1, prune, params->item[i].name));
    }
    care_for_empty(&p, prune->empty);
    status = plan_commit(&p);
done:
    plan_release(&p);
    return status;
}

double wn__round_sparsity(double sparsity, int rounds, int round)
{
    if (round >= rounds) return sparsity;
    return 1 - wn__exp(wn__ln(1 - sparsity) * round / rounds);
}

double wn__rate_sparsity(double rate, int rounds) { return 1 - wn__power(1 - rate, rounds); }

/* ---- random masks */

/* Marks `needed` of the n entries, every choice equally likely (selection sampling: Fan, Muller, Rezucha 1962). */
static int64_t draw_some(wn__rng *rng, int64_t *left, int64_t *needed, int64_t n, uint8_t *mask)
{
    int64_t kept = 0;
    for (int64_t e = 0; e < n; e++, --*left) {
        const bool keep = wn__rng_below(rng, (uint64_t)*left) < (uint64_t)*needed;
        mask[e] = keep;
        kept += keep;
        *needed -= keep;
    }
    return kept;
}

void wn__mask_draw(wn__rng *rng, int64_t n, int64_t active, uint8_t *mask)
{
    int64_t left = n;
    draw_some(rng, &left, &active, n, mask);
}

static void totals(const plan *p, int64_t *entries, int64_t *active)
{
    *entries = *active = 0;
    for (int i = 0; i < p->params->count; i++) {
        if (!p->selected[i]) continue;
        *entries += p->params->item[i].stored;
        *active += p->params->item[i].active;
    }
}

static void shuffle_global(plan *p, uint64_t seed)
{
    int64_t left, needed;
    totals(p, &left, &needed);
    wn__rng rng = wn__rng_make(seed, WN__FOR_MASK, 0, WN__SHUFFLE_GLOBAL);
    for (int i = 0; i < p->params->count; i++)
        if (p->selected[i]) draw_some(&rng, &left, &needed, p->params->item[i].stored, p->mask[i]);
}

/* kept[i] = share of the total by size, rounded down; what is left over goes to the largest remainders, of equals to the first. */
static void spread_evenly(plan *p)
{
    int64_t entries, active;
    totals(p, &entries, &active);
    int64_t left = active;
    for (int i = 0; i < p->params->count; i++) {
        if (!p->selected[i]) continue;
        p->kept[i] = (int64_t)((__int128)active * p->params->item[i].stored / entries);
        left -= p->kept[i];
    }
    for (; left > 0; left--) {
        int largest = -1;
        __int128 remainder = 0;
        for (int i = 0; i < p->params->count; i++) {
            const __int128 r = p->selected[i] ? (__int128)active * p->params->item[i].stored - (__int128)p->kept[i] * entries : 0;
            if (r > remainder) {
                remainder = r;
                largest = i;
            }
        }
        p->kept[largest]++;
    }
}

static void shuffle_layers(plan *p, wn__shuffle how, uint64_t seed)
{
    for (int i = 0; i < p->params->count; i++) {
        if (!p->selected[i]) continue;
        int64_t left = p->params->item[i].stored, needed = how == WN__SHUFFLE_EVEN ? p->kept[i] : p->params->item[i].active;
        wn__rng rng = wn__rng_make(seed, WN__FOR_MASK, (uint64_t)i, (uint64_t)how);
        draw_some(&rng, &left, &needed, p->params->item[i].stored, p->mask[i]);
    }
}

wn_status wn__masks_shuffle(wn__params *params, const wn__selection *selection, wn__shuffle how, uint64_t seed)
{
    plan p;
    for (int i = 0; i < params->count; i++)
        if (selection->selected[i] && params->item[i].pattern)
            return wn__fail(WN_EUNSUPPORTED, "%s is compressed: masks are shuffled over dense weights", params->item[i].name);
    WN_TRY(plan_init(&p, params, selection, NULL));
    if (how == WN__SHUFFLE_EVEN) spread_evenly(&p);
    if (how == WN__SHUFFLE_GLOBAL)
        shuffle_global(&p, seed);
    else
        shuffle_layers(&p, how, seed);
    const wn_status status = plan_commit(&p);
    plan_release(&p);
    return status;
}
