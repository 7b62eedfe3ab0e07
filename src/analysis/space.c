#include "analysis/space.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"

/* --- making -------------------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const wn__param *p, wn__space_kind kind)
{
    return kind == WN__SPACE_STATISTICS ? !wn__role_is_trained(p->role) : wn__role_is_trained(p->role);
}

static bool is_sparse(const wn__param *p) { return p->mask || p->pattern; }

static void add_mask(const wn__param *p, uint8_t *mask, uint8_t *own)
{
    if (p->pattern)
        wn__pattern_mask(p->pattern, own);
    else if (p->mask)
        memcpy(own, p->mask, (size_t)p->stored);
    else
        memset(own, 1, (size_t)wn__param_entries(p));
    for (int64_t i = 0; i < wn__param_entries(p); i++)
        mask[i] |= own[i];
}

static wn_status take_entries(const uint8_t *mask, int64_t count, wn__space_part *part)
{
    int64_t active = 0;
    for (int64_t i = 0; i < count; i++)
        active += mask[i];
    part->count = active;
    if (active == count) return WN_OK;
    part->entry = WN_NEW_ARRAY(int64_t, active > 0 ? active : 1);
    if (!part->entry) return wn__no_memory((size_t)active * sizeof(int64_t));
    for (int64_t i = 0, k = 0; i < count; i++)
        if (mask[i]) part->entry[k++] = i;
    return WN_OK;
}

/* The union of what the networks have active. */
static wn_status union_part(const wn__params *const *network, int networks, wn__space_part *part)
{
    const int64_t count = wn__param_entries(&network[0]->item[part->param]);
    uint8_t *mask = WN_NEW_ARRAY(uint8_t, count), *own = WN_NEW_ARRAY(uint8_t, count);
    wn_status status = mask && own ? WN_OK : wn__no_memory((size_t)count);
    for (int k = 0; k < networks && status == WN_OK; k++)
        add_mask(&network[k]->item[part->param], mask, own);
    if (status == WN_OK) status = take_entries(mask, count, part);
    wn__free(mask);
    wn__free(own);
    return status;
}

static wn_status make_part(const wn__params *const *network, int networks, wn__space_kind kind, wn__space_part *part)
{
    bool all_sparse = kind == WN__SPACE_ACTIVE;
    for (int k = 0; k < networks; k++)
        all_sparse = all_sparse && is_sparse(&network[k]->item[part->param]);
    part->count = wn__param_entries(&network[0]->item[part->param]);
    return all_sparse ? union_part(network, networks, part) : WN_OK;
}

wn_status wn__space_make(const wn__params *const *network, int networks, wn__space_kind kind, wn__space *out)
{
    const wn__params *first = network[0];
    wn__space s = {.part = WN_NEW_ARRAY(wn__space_part, first->count)};
    if (!s.part) return wn__no_memory((size_t)first->count * sizeof *s.part);
    for (int i = 0; i < first->count; i++) {
        if (!is_wanted(&first->item[i], kind)) continue;
        wn__space_part *part = &s.part[s.parts++];
        *part = (wn__space_part){.param = i, .offset = s.size};
        const wn_status status = make_part(network, networks, kind, part);
        if (status != WN_OK) {
            wn__space_release(&s);
            return status;
        }
        s.size += part->count;
    }
    *out = s;
    return WN_OK;
}

void wn__space_release(wn__space *s)
{
    for (int i = 0; i < s->parts; i++)
        wn__free(s->part[i].entry);
    wn__free(s->part);
    *s = (wn__space){0};
}

wn_status wn__space_mask(const wn__space *s, wn__params *params)
{
    for (int i = 0; i < s->parts; i++) {
        const wn__space_part *part = &s->part[i];
        wn__param *p = &params->item[part->param];
        if (p->pattern) return wn__fail(WN_EINVAL, "%s: is compressed", p->name);
        if (!part->entry) {
            WN_TRY(wn__param_set_mask(p, NULL));
            continue;
        }
        uint8_t *mask = WN_NEW_ARRAY(uint8_t, p->count);
        if (!mask) return wn__no_memory((size_t)p->count);
        for (int64_t k = 0; k < part->count; k++)
            mask[part->entry[k]] = 1;
        const wn_status status = wn__param_set_mask(p, mask);
        wn__free(mask);
        WN_TRY(status);
    }
    params->version++;
    return WN_OK;
}

/* --- reading and writing ------------------------------------------------------------------------------------------------------- */

static int64_t place_of(const wn__space_part *part, int64_t k) { return part->entry ? part->entry[k] : k; }

/* Entries of a compressed parameter and of the part, both ascending, side by side. `found` may be called for each pair. */
typedef struct walk {
    const wn__space_part *part;
    const wn__pattern *pattern;
    int64_t row, entry, k;
} walk;

/* The next entry that both have: its number in the pattern and in the part. */
static bool next_common(walk *w, int64_t *entry, int64_t *k)
{
    while (w->entry < w->pattern->stored && w->k < w->part->count) {
        while (w->entry >= w->pattern->row_start[w->row + 1])
            w->row++;
        const int64_t stored = w->row * w->pattern->columns + w->pattern->column[w->entry], wanted = place_of(w->part, w->k);
        *entry = w->entry;
        *k = w->k;
        if (stored <= wanted) w->entry++;
        if (wanted <= stored) w->k++;
        if (stored == wanted) return true;
    }
    return false;
}

static void read_part(const wn__space_part *part, const wn__param *p, const float *array, float *vector)
{
    float *out = vector + part->offset;
    if (!p->pattern) {
        for (int64_t k = 0; k < part->count; k++)
            out[k] = array[place_of(part, k)];
        return;
    }
    int64_t entry, k;
    memset(out, 0, (size_t)part->count * sizeof *out);
    for (walk w = {.part = part, .pattern = p->pattern}; next_common(&w, &entry, &k);)
        out[k] = array[entry];
}

static void write_part(const wn__space_part *part, const wn__param *p, const float *vector, float *array)
{
    const float *in = vector + part->offset;
    if (!p->pattern) {
        for (int64_t k = 0; k < part->count; k++)
            array[place_of(part, k)] = p->mask && !p->mask[place_of(part, k)] ? 0 : in[k];
        return;
    }
    int64_t entry, k;
    for (walk w = {.part = part, .pattern = p->pattern}; next_common(&w, &entry, &k);)
        array[entry] = in[k];
}

void wn__space_values(const wn__space *s, const wn__params *params, float *vector)
{
    for (int i = 0; i < s->parts; i++)
        read_part(&s->part[i], &params->item[s->part[i].param], params->item[s->part[i].param].value, vector);
}

void wn__space_gradient(const wn__space *s, const wn__params *params, float *vector)
{
    for (int i = 0; i < s->parts; i++)
        read_part(&s->part[i], &params->item[s->part[i].param], params->item[s->part[i].param].grad, vector);
}

void wn__space_set(const wn__space *s, const float *vector, wn__params *params)
{
    for (int i = 0; i < s->parts; i++)
        write_part(&s->part[i], &params->item[s->part[i].param], vector, params->item[s->part[i].param].value);
    params->version++;
}

void wn__space_set_gradient(const wn__space *s, const float *vector, wn__params *params)
{
    for (int i = 0; i < s->parts; i++)
        write_part(&s->part[i], &params->item[s->part[i].param], vector, params->item[s->part[i].param].grad);
}

/* --- arrays -------------------------------------------------------------------------------------------------------------------- */

wn_status wn__param_arrays_make(const wn__params *params, wn__param_arrays *out)
{
    wn__param_arrays a = {.item = WN_NEW_ARRAY(float *, params->count), .count = params->count};
    if (!a.item) return wn__no_memory((size_t)params->count * sizeof *a.item);
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (!wn__role_is_trained(p->role)) continue;
        if (!(a.item[i] = WN_NEW_ARRAY(float, p->stored > 0 ? p->stored : 1))) {
            wn__param_arrays_release(&a);
            return wn__no_memory((size_t)p->stored * sizeof(float));
        }
    }
    *out = a;
    return WN_OK;
}

void wn__param_arrays_release(wn__param_arrays *a)
{
    for (int i = 0; a->item && i < a->count; i++)
        wn__free(a->item[i]);
    wn__free(a->item);
    *a = (wn__param_arrays){0};
}

void wn__space_to_arrays(const wn__space *s, const float *vector, const wn__params *params, wn__param_arrays *to)
{
    for (int i = 0; i < to->count; i++)
        if (to->item[i]) memset(to->item[i], 0, (size_t)params->item[i].stored * sizeof(float));
    for (int i = 0; i < s->parts; i++)
        write_part(&s->part[i], &params->item[s->part[i].param], vector, to->item[s->part[i].param]);
}

void wn__space_from_arrays(const wn__space *s, const wn__param_arrays *from, const wn__params *params, float *vector)
{
    for (int i = 0; i < s->parts; i++)
        read_part(&s->part[i], &params->item[s->part[i].param], from->item[s->part[i].param], vector);
}

/* --- vectors ------------------------------------------------------------------------------------------------------------------- */

double wn__vector_dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

double wn__vector_distance(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sqrt(sum);
}

double wn__vector_cosine(const float *a, const float *b, int64_t n)
{
    const double norms = sqrt(wn__vector_dot(a, a, n) * wn__vector_dot(b, b, n));
    return norms > 0 ? wn__vector_dot(a, b, n) / norms : NAN;
}
