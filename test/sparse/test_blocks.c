/* Kernels and filters that go and come as a whole, and a constant number of inputs for every output: masks and single updates against the rules written
 * down plainly over dense arrays. */
#include "sparse/prune/blocks.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "base/threads.h"
#include "sparse/dynamic/fan_in.h"
#include "sparse/dynamic/rewiring.h"
#include "sparse/dynamic/topology.h"
#include "test.h"

enum { MOST = 1200, ROWS = 40 };

/* A weight twice: dense with a mask, for the rules; and compressed. */
typedef struct pair {
    wn__params plain, real;
    float gradient[MOST];
} pair;

static const int64_t conv[4] = {6, 4, 3, 3}, linear[2] = {30, 40};

static wn__param *plain_of(pair *x) { return &x->plain.item[0]; }
static wn__param *real_of(pair *x) { return &x->real.item[0]; }

typedef enum numbers { SMOOTH, TIES } numbers;

static float draw_number(wn__rng *rng, numbers kind)
{
    return kind == TIES ? 0.25f * (float)((int)wn__rng_below(rng, 5) - 2) : (float)wn__rng_normal(rng);
}

static void pair_init(pair *x, int ndim, const int64_t *dim, int block, int64_t active, numbers kind, uint64_t seed)
{
    bool all = true;
    const wn__selection selection = {.selected = &all, .count = 1};
    memset(x, 0, sizeof *x);
    CHECK_OK(wn__params_add(&x->plain, "w", WN__WEIGHT, ndim, dim));
    CHECK_OK(wn__params_add(&x->real, "w", WN__WEIGHT, ndim, dim));
    wn__param *p = plain_of(x);
    CHECK(p->count <= MOST && p->dim[0] <= ROWS);
    wn__rng rng = wn__rng_make(seed, WN__FOR_TEST, (uint64_t)block, (uint64_t)kind);
    for (int i = 0; i < 2; i++)
        CHECK_OK(wn__params_allocate_slots(i ? &x->real : &x->plain, 1));
    for (int64_t e = 0; e < p->count; e++) {
        p->value[e] = draw_number(&rng, kind);
        p->slot[0][e] = (float)wn__rng_normal(&rng);
        x->gradient[e] = draw_number(&rng, kind);
    }
    memcpy(real_of(x)->value, p->value, (size_t)p->count * sizeof(float));
    memcpy(real_of(x)->slot[0], p->slot[0], (size_t)p->count * sizeof(float));
    uint8_t *mask = WN_NEW_ARRAY(uint8_t, p->count);
    if (active > 0 && active < p->count) {
        CHECK_OK(wn__blocks_round(&x->plain, &selection, block, &active));
        CHECK_OK(wn__blocks_random(&x->plain, &selection, block, &active, seed));
        memcpy(mask, p->mask, (size_t)p->count);
    } else {
        memset(mask, active > 0, (size_t)p->count);
        CHECK_OK(wn__param_set_mask(p, mask));
    }
    CHECK_OK(wn__param_set_mask(real_of(x), mask));
    CHECK_OK(wn__params_compress_masked(&x->real));
    wn__free(mask);
}

static void pair_release(pair *x)
{
    wn__params_release(&x->plain);
    wn__params_release(&x->real);
}

static void check_same(const pair *x)
{
    const wn__param *p = &x->plain.item[0], *q = &x->real.item[0];
    CHECK(wn__pattern_is_valid(q->pattern));
    CHECK_EQ_INT(q->active, p->active);
    for (int64_t k = 0, e = 0; k < p->count; k++) {
        CHECK_EQ_INT(wn__pattern_find(q->pattern, k / q->pattern->columns, k % q->pattern->columns), p->mask[k] ? e : -1);
        if (!p->mask[k]) continue;
        CHECK(q->value[e] == p->value[k] && q->slot[0][e] == p->slot[0][k]);
        e++;
    }
}

static wn__weight_gradient gradient_of(const pair *x)
{
    const wn__param *q = &x->real.item[0];
    return (wn__weight_gradient){.param = q, .rows = q->pattern->rows, .columns = q->pattern->columns, .dense = x->gradient};
}

/* ---- drawn masks */

TEST(drawn_masks_are_of_whole_blocks_with_the_counts_asked_for)
{
    for (int block = WN__BLOCK_KERNEL; block <= WN__BLOCK_FAN_IN; block++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            pair x;
            pair_init(&x, 4, conv, block, 61, SMOOTH, seed);
            const wn__param *p = plain_of(&x);
            const int64_t width = wn__block_width(p, block), columns = p->count / p->dim[0];
            /* 61 of 216: 7 kernels of 9, 2 filters of 36, 10 of 36 inputs for each of 6 outputs */
            CHECK_EQ_INT(p->active, block == WN__BLOCK_KERNEL ? 63 : block == WN__BLOCK_FILTER ? 72 : 60);
            CHECK_EQ_INT(width, block == WN__BLOCK_KERNEL ? 9 : block == WN__BLOCK_FILTER ? 36 : 1);
            for (int64_t u = 0; u < p->count / width; u++)
                for (int64_t k = 1; k < width; k++)
                    CHECK_EQ_INT(p->mask[u * width + k], p->mask[u * width]);
            for (int64_t r = 0; block == WN__BLOCK_FAN_IN && r < p->dim[0]; r++) {
                int64_t inputs = 0;
                for (int64_t c = 0; c < columns; c++)
                    inputs += p->mask[r * columns + c];
                CHECK_EQ_INT(inputs, 10);
            }
            pair_release(&x);
        }
}

TEST(outputs_without_any_input_are_refused)
{
    wn__params set = {0};
    bool all = true;
    const wn__selection selection = {.selected = &all, .count = 1};
    int64_t active = 29;
    CHECK_OK(wn__params_add(&set, "fc.weight", WN__WEIGHT, 2, linear));
    CHECK_STATUS(wn__blocks_round(&set, &selection, WN__BLOCK_FAN_IN, &active), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "fc.weight: 29 weights for 30 outputs, each needs one");
    active = 1;
    CHECK_OK(wn__blocks_round(&set, &selection, WN__BLOCK_FILTER, &active));
    CHECK_EQ_INT(active, 40); /* at least one */
    active = 1200;
    CHECK_OK(wn__blocks_round(&set, &selection, WN__BLOCK_FAN_IN, &active));
    CHECK_EQ_INT(active, 1200);
    wn__params_release(&set);
}

/* ---- kernels and filters */

static double plain_score(const float *x, int64_t width, int criterion)
{
    double sum = 0;
    for (int64_t k = 0; k < width; k++)
        sum += criterion == WN__BLOCK_ABS_MEAN ? (double)x[k] : fabs((double)x[k]);
    return (double)(float)(fabs(sum) / (double)width);
}

/* The candidate with the smallest (sign 1) or largest (sign -1) score; of equals the first. */
static int64_t extreme_block(const bool *candidate, int64_t blocks, const float *x, int64_t width, int criterion, double sign)
{
    int64_t found = -1;
    for (int64_t u = 0; u < blocks; u++)
        if (candidate[u] &&
            (found < 0 || sign * plain_score(x + u * width, width, criterion) < sign * plain_score(x + found * width, width, criterion)))
            found = u;
    return found;
}

static int64_t plain_update(pair *x, int block, int criterion, double fraction, bool up, wn__regrown regrown)
{
    wn__param *p = plain_of(x);
    const int64_t width = wn__block_width(p, block), blocks = p->count / width;
    bool candidate[MOST], gone[MOST] = {0};
    uint8_t mask[MOST];
    for (int64_t u = 0; u < blocks; u++)
        candidate[u] = p->mask[u * width];
    const double part = (double)(p->active / width) * fraction;
    const int64_t drops = (int64_t)(up ? ceil(part) : floor(part));
    for (int64_t i = 0; i < drops; i++) {
        const int64_t u = extreme_block(candidate, blocks, p->value, width, criterion, 1);
        candidate[u] = false;
        gone[u] = true;
    }
    for (int64_t u = 0; u < blocks; u++) {
        candidate[u] = !p->mask[u * width] || gone[u];
        memset(mask + u * width, !candidate[u], (size_t)width);
    }
    for (int64_t i = 0; i < drops; i++) {
        const int64_t u = extreme_block(candidate, blocks, x->gradient, width, criterion, -1);
        candidate[u] = false;
        memset(mask + u * width, 1, (size_t)width);
        for (int64_t k = 0; k < width; k++)
            if (!p->mask[u * width] || regrown == WN__REGROWN_ZERO) p->value[u * width + k] = p->slot[0][u * width + k] = 0;
    }
    CHECK_OK(wn__param_set_mask(p, mask));
    return drops * width;
}

static void check_blocks(int ndim, const int64_t *dim, int block, int64_t active, numbers kind, int threads)
{
    wn__pool *pool;
    CHECK_OK(wn__pool_new(threads, &pool));
    for (int criterion = 0; criterion < 2; criterion++)
        for (int option = 0; option < 2; option++) {
            pair x;
            pair_init(&x, ndim, dim, block, active, kind, 4);
            const wn__drop drop = {
                .fraction = 0.4, .round_up = option, .width = wn__block_width(real_of(&x), block), .criterion = criterion};
            const wn__regrown regrown = option ? WN__REGROWN_ZERO : WN__REGROWN_KEEPS;
            wn__topology t;
            wn__topology_made made;
            const wn__weight_gradient gradient = gradient_of(&x);
            CHECK_OK(wn__topology_init(real_of(&x), &drop, &t));
            CHECK_OK(wn__topology_grow_gradient(&t, &gradient, pool));
            CHECK_OK(wn__topology_apply(&t, &x.real, real_of(&x), regrown, &made));
            wn__topology_release(&t);
            CHECK_EQ_INT(made.dropped, plain_update(&x, block, criterion, 0.4, option, regrown));
            CHECK_EQ_INT(made.grown, made.dropped);
            check_same(&x);
            pair_release(&x);
        }
    wn__pool_free(pool);
}

TEST(kernels_and_filters_go_and_come_by_the_rule)
{
    for (int threads = 1; threads <= 5; threads += 2)
        for (int kind = 0; kind < 2; kind++) {
            check_blocks(4, conv, WN__BLOCK_KERNEL, 80, (numbers)kind, threads);
            check_blocks(4, conv, WN__BLOCK_FILTER, 100, (numbers)kind, threads);
            check_blocks(4, conv, WN__BLOCK_KERNEL, 0, (numbers)kind, threads); /* empty, and full */
            check_blocks(4, conv, WN__BLOCK_KERNEL, 216, (numbers)kind, threads);
            check_blocks(2, linear, WN__BLOCK_KERNEL, 300, (numbers)kind, threads); /* single weights */
            check_blocks(2, linear, WN__BLOCK_FILTER, 300, (numbers)kind, threads);
        }
}

TEST(random_kernels_are_whole_and_as_many)
{
    int64_t seen[24] = {0};
    for (uint64_t seed = 0; seed < 300; seed++) {
        pair x;
        pair_init(&x, 4, conv, WN__BLOCK_KERNEL, 72, SMOOTH, 4);
        wn__topology t;
        wn__rng rng = wn__rng_make(seed, WN__FOR_TOPOLOGY, 0, 0);
        CHECK_OK(wn__topology_init(real_of(&x), &(wn__drop){.fraction = 0.5, .width = 9}, &t));
        CHECK_OK(wn__topology_grow_random(&t, &rng));
        CHECK_EQ_INT(t.grows, 36);
        for (int64_t i = 0; i < t.grows; i++) {
            CHECK_EQ_INT(t.grow[i], t.grow[i / 9 * 9] / 9 * 9 + i % 9);
            seen[t.grow[i] / 9] += i % 9 == 0;
        }
        CHECK_OK(wn__topology_apply(&t, &x.real, real_of(&x), WN__REGROWN_KEEPS, NULL));
        CHECK_EQ_INT(real_of(&x)->active, 72);
        wn__topology_release(&t);
        pair_release(&x);
    }
    int64_t candidates = 0;
    for (int u = 0; u < 24; u++) { /* 20 of 24 kernels are free after the drop: 60 times each is the mean */
        candidates += seen[u] > 0;
        CHECK(seen[u] == 0 || (seen[u] > 25 && seen[u] < 100));
    }
    CHECK_EQ_INT(candidates, 20);
}

TEST(patterns_that_cut_through_kernels_are_refused)
{
    pair x;
    wn__topology t;
    pair_init(&x, 4, conv, WN__BLOCK_FAN_IN, 61, SMOOTH, 4);
    CHECK_STATUS(wn__topology_init(real_of(&x), &(wn__drop){.fraction = 0.5, .width = 9}, &t), WN_EINVAL);
    pair_release(&x);
}

/* ---- constant fan-in: section 3 of the paper, details from its code */

/* The largest |x| among candidates; of equals the last (weights: the first goes), or the first (gradients). */
static int64_t largest(const bool *candidate, int64_t count, const float *x, bool last)
{
    int64_t found = -1;
    for (int64_t e = 0; e < count; e++)
        if (candidate[e] && (found < 0 || fabsf(x[e]) > fabsf(x[found]) || (last && fabsf(x[e]) == fabsf(x[found])))) found = e;
    return found;
}

/* kept: the `keep` largest active weights of rows that are not ablated. */
static void plain_keep(const wn__param *p, int64_t keep, const bool *ablated, bool *kept)
{
    bool candidate[MOST];
    const int64_t columns = p->count / p->dim[0];
    for (int64_t e = 0; e < p->count; e++) {
        candidate[e] = p->mask[e] && !ablated[e / columns];
        kept[e] = false;
    }
    for (; keep > 0; keep--) {
        const int64_t e = largest(candidate, p->count, p->value, true);
        if (e < 0) return;
        candidate[e] = false;
        kept[e] = true;
    }
}

static int64_t plain_ablate(pair *x, const wn__fan_in_rule *rule, int64_t going, bool *kept, bool *ablated)
{
    const wn__param *p = plain_of(x);
    const int64_t rows = p->dim[0], columns = p->count / rows, least = (p->active + columns - 1) / columns;
    bool salient[MOST], candidate[MOST];
    int64_t count[ROWS] = {0}, order[ROWS], left = 0;
    memcpy(salient, kept, sizeof salient);
    memset(candidate, true, sizeof candidate);
    for (int64_t i = 0; i < going; i++) {
        const int64_t e = largest(candidate, p->count, x->gradient, false);
        candidate[e] = false;
        salient[e] = true;
    }
    for (int64_t e = 0; e < p->count; e++)
        count[e / columns] += salient[e];
    for (int64_t r = 0; r < rows; r++) /* stable, most salient first */
        order[r] = r;
    for (int64_t i = 1; i < rows; i++)
        for (int64_t j = i; j > 0 && count[order[j - 1]] < count[order[j]]; j--) {
            const int64_t swap = order[j];
            order[j] = order[j - 1];
            order[j - 1] = swap;
        }
    int64_t wanted = (int64_t)(rule->gamma * (double)(rule->of_dense ? columns : rule->budget / rows));
    if (wanted < 1) wanted = 1;
    if (least < rows && count[order[least]] < wanted) wanted = count[order[least]];
    for (int64_t r = 0; r < rows; r++)
        left += !(ablated[r] = count[r] < wanted);
    if (left > 0 && rule->budget / left <= columns) return left;
    for (int64_t i = 0; i < rows; i++)
        ablated[order[i]] = i >= least;
    return least;
}

/* Returns the fan-in of those that are left. */
static int64_t plain_fan_in(pair *x, const wn__fan_in_rule *rule)
{
    wn__param *p = plain_of(x);
    const int64_t rows = p->dim[0], columns = p->count / rows, going = (int64_t)(rule->fraction * (double)p->active);
    const int64_t keep = p->active - going;
    bool kept[MOST], ablated[ROWS] = {0};
    uint8_t mask[MOST];
    int64_t left = rows;
    plain_keep(p, keep, ablated, kept);
    if (rule->gamma > 0) {
        left = plain_ablate(x, rule, going, kept, ablated);
        plain_keep(p, keep, ablated, kept);
    }
    int64_t fan_in = rule->budget / left;
    if (fan_in > columns) fan_in = columns;
    for (int64_t r = 0; r < rows; r++) {
        bool candidate[MOST] = {0};
        int64_t stays = 0;
        memset(mask + r * columns, 0, (size_t)columns);
        for (int64_t c = 0; c < columns; c++)
            candidate[c] = kept[r * columns + c];
        for (int64_t c; stays < fan_in && (c = largest(candidate, columns, p->value + r * columns, true)) >= 0; stays++) {
            candidate[c] = false;
            mask[r * columns + c] = 1;
        }
        for (int64_t c = 0; c < columns; c++)
            candidate[c] = !mask[r * columns + c];
        for (; !ablated[r] && stays < fan_in; stays++) {
            const int64_t c = largest(candidate, columns, x->gradient + r * columns, false), e = r * columns + c;
            candidate[c] = false;
            mask[e] = 1;
            if (!p->mask[e]) p->value[e] = p->slot[0][e] = 0;
        }
    }
    CHECK_OK(wn__param_set_mask(p, mask));
    return fan_in;
}

/* Some outputs whose weights and gradients are small: they are those that lose theirs. */
static void weaken(pair *x, int64_t rows)
{
    wn__param *p = plain_of(x), *q = real_of(x);
    const int64_t columns = p->count / p->dim[0];
    for (int64_t e = 0; e < rows * columns; e++) {
        p->value[e] *= 0.01f;
        x->gradient[e] *= 0.01f;
    }
    wn__pattern_gather(q->pattern, p->value, q->value);
}

static int64_t check_fan_in(int ndim, const int64_t *dim, int64_t active, const wn__fan_in_rule *how, numbers kind, int64_t weak,
                            int threads)
{
    wn__pool *pool;
    pair x;
    int64_t empty = 0;
    CHECK_OK(wn__pool_new(threads, &pool));
    pair_init(&x, ndim, dim, WN__BLOCK_FAN_IN, active, kind, 5);
    weaken(&x, weak);
    wn__fan_in_rule rule = *how;
    rule.budget = plain_of(&x)->active;
    for (int update = 0; update < 4; update++) { /* the later ones begin with outputs that have no weights */
        wn__topology t = {.param = real_of(&x)};
        const wn__weight_gradient gradient = gradient_of(&x);
        CHECK_OK(wn__fan_in_choose(&t, &rule, &gradient, pool));
        CHECK_OK(wn__topology_apply(&t, &x.real, real_of(&x), WN__REGROWN_KEEPS, NULL));
        wn__topology_release(&t);
        const int64_t fan_in = plain_fan_in(&x, &rule);
        check_same(&x);
        const wn__pattern *q = real_of(&x)->pattern;
        empty = 0;
        for (int64_t r = 0; r < q->rows; r++) {
            const int64_t inputs = q->row_start[r + 1] - q->row_start[r];
            CHECK(inputs == 0 || inputs == fan_in);
            empty += inputs == 0;
        }
        CHECK(q->stored <= rule.budget && q->stored > rule.budget - q->rows);
        wn__rng rng = wn__rng_make(6, WN__FOR_TEST, (uint64_t)update, 0);
        for (int64_t e = 0; e < plain_of(&x)->count; e++) { /* weights move, gradients are others */
            if (plain_of(&x)->mask[e]) plain_of(&x)->value[e] += 0.1f * draw_number(&rng, kind);
            x.gradient[e] = (update == 2 ? 1.0f : 0.1f) * draw_number(&rng, kind);
        }
        wn__pattern_gather(q, plain_of(&x)->value, real_of(&x)->value);
    }
    pair_release(&x);
    wn__pool_free(pool);
    return empty;
}

TEST(srigl_follows_its_rule)
{
    static const wn__fan_in_rule rules[] = {{.fraction = 0.3},
                                            {.fraction = 0.3, .gamma = 0.3},
                                            {.fraction = 0.5, .gamma = 0.9},
                                            {.fraction = 0.3, .gamma = 0.1, .of_dense = true},
                                            {.fraction = 0.3, .gamma = 1, .of_dense = true},
                                            {.fraction = 0, .gamma = 0.3}};
    int64_t emptied = 0;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        for (int threads = 1; threads <= 5; threads += 2)
            for (int kind = 0; kind < 2; kind++) {
                emptied += check_fan_in(2, linear, 240, &rules[i], (numbers)kind, 0, threads);
                emptied += check_fan_in(2, linear, 240, &rules[i], (numbers)kind, 12, threads);
                emptied += check_fan_in(4, conv, 70, &rules[i], (numbers)kind, 2, threads);
                check_fan_in(4, conv, 216, &rules[i], (numbers)kind, 2, threads); /* full */
            }
    CHECK(emptied > 0);
}

TEST(outputs_that_matter_little_lose_their_weights_and_others_get_more)
{
    const wn__fan_in_rule rule = {.fraction = 0.3, .gamma = 0.3};
    pair x;
    pair_init(&x, 2, linear, WN__BLOCK_FAN_IN, 240, SMOOTH, 5);
    weaken(&x, 12); /* of 30 outputs with 8 inputs each */
    wn__fan_in_rule how = rule;
    how.budget = 240;
    wn__topology t = {.param = real_of(&x)};
    const wn__weight_gradient gradient = gradient_of(&x);
    CHECK_OK(wn__fan_in_choose(&t, &how, &gradient, NULL));
    CHECK_OK(wn__topology_apply(&t, &x.real, real_of(&x), WN__REGROWN_KEEPS, NULL));
    wn__topology_release(&t);
    int64_t left = 0;
    for (int64_t r = 0; r < 30; r++) {
        const int64_t inputs = real_of(&x)->pattern->row_start[r + 1] - real_of(&x)->pattern->row_start[r];
        if (r < 12) CHECK(inputs == 0 || inputs >= 8);
        left += inputs > 0;
    }
    CHECK(left >= 18 && left < 30);
    CHECK_EQ_INT(real_of(&x)->active, 240 / left * left);
    pair_release(&x);
}

TEST(gradients_that_are_no_numbers_never_come)
{
    pair x;
    pair_init(&x, 2, linear, WN__BLOCK_FAN_IN, 240, SMOOTH, 5);
    for (int64_t e = 0; e < 1200; e++)
        if (e % 40 >= 4) x.gradient[e] = NAN;
    const wn__fan_in_rule rule = {.fraction = 1, .budget = 240};
    wn__topology t = {.param = real_of(&x)};
    const wn__weight_gradient gradient = gradient_of(&x);
    CHECK_STATUS(wn__fan_in_choose(&t, &rule, &gradient, NULL), WN_EDIVERGED);
    CHECK_HAS_TEXT(wn_error_message(), "w: output 0 is to grow 8 entries, but only 4 inactive ones have a gradient that is a number");
    pair_release(&x);
}

TEST(rules_that_do_not_go_with_blocks_are_refused)
{
    const wn__topology_rule good = {.grow = WN__GROW_GRADIENT}, random = {.grow = WN__GROW_RANDOM};
    CHECK_OK(wn__rewiring_check_block(&good, WN__BLOCK_FAN_IN));
    CHECK_OK(wn__rewiring_check_block(&random, WN__BLOCK_KERNEL));
    CHECK_STATUS(wn__rewiring_check_block(&random, WN__BLOCK_FAN_IN), WN_EUSAGE);
    static const wn__topology_rule wrong[] = {{.grow = WN__GROW_MOMENTUM},
                                              {.grow = WN__GROW_RANDOM, .drop = WN__DROP_SIGNED},
                                              {.grow = WN__GROW_GRADIENT, .redistribute = WN__SHARE_GRADIENT},
                                              {.grow = WN__GROW_GRADIENT, .bound = WN__BOUND_SOFT},
                                              {.grow = WN__GROW_GRADIENT, .lambda = 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_STATUS(wn__rewiring_check_block(&wrong[i], WN__BLOCK_KERNEL), WN_EUSAGE);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(drawn_masks_are_of_whole_blocks_with_the_counts_asked_for),
                                    RUN(outputs_without_any_input_are_refused),
                                    RUN(kernels_and_filters_go_and_come_by_the_rule),
                                    RUN(random_kernels_are_whole_and_as_many),
                                    RUN(patterns_that_cut_through_kernels_are_refused),
                                    RUN(srigl_follows_its_rule),
                                    RUN(outputs_that_matter_little_lose_their_weights_and_others_get_more),
                                    RUN(gradients_that_are_no_numbers_never_come),
                                    RUN(rules_that_do_not_go_with_blocks_are_refused),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
