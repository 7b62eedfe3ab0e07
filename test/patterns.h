/* Patterns and compressed parameters as tests want them: copied, searched backwards, made dense again. */
#ifndef WN_TEST_PATTERNS_H
#define WN_TEST_PATTERNS_H

#include "tensor/compression.h"
#include "test.h"

static inline wn_status pattern_copy(const wn__pattern *p, wn__pattern *out)
{
    return wn__pattern_from_rows(p->rows, p->columns, p->row_start, p->column, out);
}

static inline int64_t pattern_row_of(const wn__pattern *p, int64_t entry)
{
    int64_t row = 0;
    while (p->row_start[row + 1] <= entry)
        row++;
    return row;
}

static inline void expand_array(const wn__pattern *p, int64_t count, float **array)
{
    if (!*array) return;
    float *dense = WN_NEW_ARRAY(float, count);
    CHECK(dense != NULL);
    wn__pattern_scatter(p, *array, dense);
    wn__free(*array);
    *array = dense;
}

/* Dense again, with the pattern as its mask. Dense parameters stay as they are. */
static inline void params_expand(wn__params *set, wn__param *p)
{
    if (!p->pattern) return;
    expand_array(p->pattern, p->count, &p->value);
    expand_array(p->pattern, p->count, &p->grad);
    for (int s = 0; s < WN__SLOTS; s++)
        expand_array(p->pattern, p->count, &p->slot[s]);
    p->mask = wn__alloc((size_t)p->count);
    CHECK(p->mask != NULL);
    wn__pattern_mask(p->pattern, p->mask);
    wn__pattern_release(p->pattern);
    wn__free(p->pattern);
    p->pattern = NULL;
    p->stored = p->capacity = p->count;
    set->version++;
    set->topology++;
}

#endif
