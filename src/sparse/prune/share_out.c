#include "sparse/prune/share_out.h"

#include <assert.h>
#include <math.h>

enum { MOST_ROUNDS = 1000, MOST_PERCENT = 99 };

int64_t wn__share_most(int64_t room) { return room * MOST_PERCENT / 100; }

/* Cuts parts that are too large and returns by how much. */
static double cut(int count, const int64_t *room, double *part)
{
    double excess = 0;
    for (int l = 0; l < count; l++) {
        const double most = MOST_PERCENT / 100.0 * (double)room[l];
        if (part[l] <= most) continue;
        excess += part[l] - most;
        part[l] = most;
    }
    return excess;
}

static void spread(int count, const int64_t *room, double *part)
{
    for (int round = 0; round < MOST_ROUNDS; round++) {
        const double excess = cut(count, room, part);
        if (!(excess > 0)) return;
        for (int l = 0; l < count; l++)
            part[l] += excess / count;
    }
    cut(count, room, part);
}

/* The layer with the largest remainder that may still take more; -1: none may. */
static int next_layer(int count, const int64_t *room, const double *part, const int64_t *grow)
{
    int best = -1;
    for (int l = 0; l < count; l++)
        if (grow[l] < wn__share_most(room[l]) && (best < 0 || part[l] - (double)grow[l] > part[best] - (double)grow[best])) best = l;
    return best;
}

/* What parts that were cut leave over may be a lot: by layers, not one by one. Returns what is left. */
static int64_t fill(int count, const int64_t *room, bool to_the_last, int64_t rest, int64_t *grow)
{
    for (int l = 0; l < count && rest > 0; l++) {
        const int64_t free = (to_the_last ? room[l] : wn__share_most(room[l])) - grow[l], more = free < rest ? free : rest;
        grow[l] += more;
        rest -= more;
    }
    return rest;
}

bool wn__share_out(int count, const double *share, const int64_t *room, int64_t total, double *part, int64_t *grow)
{
    double sum = 0;
    int64_t rest = total;
    for (int l = 0; l < count; l++)
        sum += share[l];
    if (!(sum > 0) || !isfinite(sum)) return false;
    for (int l = 0; l < count; l++)
        part[l] = (double)total * (share[l] / sum);
    spread(count, room, part);
    for (int l = 0; l < count; l++) {
        grow[l] = (int64_t)part[l];
        rest -= grow[l];
    }
    for (int given = 0; given < count && rest > 0; given++) {
        const int l = next_layer(count, room, part, grow);
        if (l < 0) break;
        grow[l]++;
        rest--;
    }
    rest = fill(count, room, false, rest, grow);
    fill(count, room, true, rest, grow);
    return true;
}
