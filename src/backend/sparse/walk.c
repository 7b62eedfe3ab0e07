#include "backend/sparse/walk.h"

#include "base/check.h"
#include "base/fail.h"

#define DENSE_TILE_PIXELS 1024 /* a tile's input: the first cache holds most of it */
/* Of a tile: reading and writing the sums once more has to pay for itself. */
#define LEAST_ENTRIES_A_ROW 14

static int64_t taps(const wn__op_desc *d) { return (int64_t)d->kernel_h * d->kernel_w; }
static int64_t group_inputs(const wn__op_desc *d) { return d->in_c / d->groups; }
static int64_t group_outputs(const wn__op_desc *d) { return d->out_c / d->groups; }

/* One entry as the walk sees it. */
typedef struct visit {
    int64_t row, channel; /* of the walk: what is written, what is read */
    int32_t offset;
} visit;

/* False if the tap does not reach this phase. */
static bool visit_of(const wn__walk_request *r, int64_t out, int64_t column, visit *v)
{
    const wn__op_desc *d = r->desc;
    /* Divisions are most of a walk's making. */
    const int64_t group = d->groups > 1 ? out / group_outputs(d) : 0, channel = taps(d) > 1 ? column / taps(d) : column;
    const int64_t in = group * group_inputs(d) + channel, tap = column - channel * taps(d);
    if (!r->transposed && (r->tap || taps(d) == 1)) {
        *v = (visit){out, in, (int32_t)(in * r->from.plane + (r->tap ? r->tap[tap] : 0))};
        return true;
    }
    const int64_t ky = tap / d->kernel_w, kx = tap - ky * d->kernel_w;
    if (!r->transposed) {
        *v = (visit){out, in, (int32_t)(in * r->from.plane + ky * r->from.row + kx)};
        return true;
    }
    const int64_t y = r->phase_y + d->pad - ky, x = r->phase_x + d->pad - kx;
    if (y % d->stride || x % d->stride) return false;
    *v = (visit){in, out, (int32_t)(out * r->from.plane + y / d->stride * r->from.row + x / d->stride)};
    return true;
}

static int64_t walk_rows(const wn__walk_request *r) { return r->transposed ? r->desc->in_c : r->desc->out_c; }

/* Input channels per tile. */
static int64_t tile_channels(const wn__walk_request *r, int64_t entries)
{
    const int64_t channels = r->from.c;
    if (r->tap_tile) return r->tap_tile;
    const int64_t pixels = r->pattern ? wn__lane_products_in_use()->tile_pixels : DENSE_TILE_PIXELS;
    int64_t tile = pixels / (r->window > 0 ? r->window : 1);
    const int64_t a_row = entries / (walk_rows(r) > 0 ? walk_rows(r) : 1) + 1;
    const int64_t least = (LEAST_ENTRIES_A_ROW * channels + a_row - 1) / a_row;
    if (tile < least) tile = least;
    if (tile < 1 || r->desc->groups > 1) tile = channels;
    const int64_t tiles = (channels + tile - 1) / tile;
    return tiles ? (channels + tiles - 1) / tiles : 1; /* of equal size */
}

/* --- dense ----------------------------------------------------------------------------------------------------------------------- */

static wn_status make_dense(const wn__walk_request *r, wn__walk *w)
{
    const wn__op_desc *d = r->desc;
    const int64_t columns = d->in_c * taps(d), channels = r->from.c, most = channels * taps(d);
    const int64_t tile = tile_channels(r, walk_rows(r) * most);
    w->dense = true;
    w->rows = walk_rows(r);
    w->tiles = (channels + tile - 1) / tile;
    w->row_stride = r->transposed ? taps(d) : columns;
    w->begin = WN_NEW_ARRAY(int64_t, w->tiles + 1);
    w->offset = WN_NEW_ARRAY(int32_t, most);
    w->entry = WN_NEW_ARRAY(int32_t, most);
    if (!w->begin || !w->offset || !w->entry) return wn__no_memory((size_t)most * sizeof *w->offset);
    for (int64_t first = 0, some; first < channels; first += some) {
        some = channels - first < tile ? channels - first : tile;
        w->begin[first / tile] = w->entries;
        for (int64_t i = 0; i < some * taps(d); i++) {
            const int64_t channel = first + (r->tap_tile ? i % some : i / taps(d)), tap = r->tap_tile ? i / some : i % taps(d);
            const int64_t out = r->transposed ? channel : 0, column = r->transposed ? tap : channel * taps(d) + tap;
            visit v;
            if (!visit_of(r, out, column, &v)) continue;
            w->offset[w->entries] = v.offset;
            w->entry[w->entries++] = (int32_t)(out * columns + column);
        }
    }
    w->begin[w->tiles] = w->entries;
    return WN_OK;
}

/* --- sparse ---------------------------------------------------------------------------------------------------------------------- */

static int64_t first_entry(const wn__walk_request *r, int64_t out)
{
    return r->pattern ? r->pattern->row_start[out] : out * group_inputs(r->desc) * taps(r->desc);
}
static int64_t column_of(const wn__walk_request *r, int64_t out, int64_t k)
{
    return r->pattern ? r->pattern->column[k] : k - first_entry(r, out);
}

/* Entries in the weight's own order: cut each row where its channels leave a tile. */
static void fill_forward(const wn__walk_request *r, int64_t tile, wn__walk *w)
{
    for (int64_t row = 0; row < w->rows; row++) {
        const int64_t end = first_entry(r, row + 1);
        int64_t next = 0; /* tile */
        for (int64_t k = first_entry(r, row); k < end; k++) {
            visit v;
            visit_of(r, row, column_of(r, row, k), &v);
            for (; next <= v.channel / tile; next++)
                w->begin[next * w->rows + row] = k;
            w->offset[k] = v.offset;
        }
        for (; next <= w->tiles; next++)
            w->begin[next * w->rows + row] = end;
    }
}

/* Within each (row, tile). */
static void sort_by_tap(const wn__walk_request *r, wn__walk *w)
{
    for (int64_t cell = 0; cell < w->tiles * w->rows; cell++) {
        int64_t at = w->begin[cell];
        for (int64_t tap = 0; tap < taps(r->desc); tap++)
            for (int64_t k = w->begin[cell]; k < w->begin[cell + w->rows]; k++) {
                const int64_t row = cell % w->rows, column = column_of(r, row, k);
                visit v;
                if (column % taps(r->desc) != tap) continue;
                visit_of(r, row, column, &v);
                w->offset[at] = v.offset;
                w->entry[at++] = (int32_t)k;
            }
    }
}

static wn_status make_by_tap(const wn__walk_request *r, wn__walk *w)
{
    w->entry = WN_NEW_ARRAY(int32_t, w->entries);
    w->value = WN_NEW_ARRAY(float, w->entries);
    if (!w->entry || !w->value) return wn__no_memory((size_t)w->entries * sizeof *w->entry);
    sort_by_tap(r, w);
    return WN_OK;
}

/* Counting sort by (row, tile); output channels come in ascending order. place (rows * tiles + 1) begins as zeros and becomes where each
 * of these cells starts. */
static void count_transposed(const wn__walk_request *r, int64_t tile, int64_t *place, wn__walk *w)
{
    visit v;
    for (int64_t out = 0; out < r->desc->out_c; out++)
        for (int64_t k = first_entry(r, out); k < first_entry(r, out + 1); k++)
            if (visit_of(r, out, column_of(r, out, k), &v)) place[v.row * w->tiles + v.channel / tile + 1]++;
    for (int64_t i = 0; i < w->rows * w->tiles; i++)
        place[i + 1] += place[i];
    w->entries = place[w->rows * w->tiles];
    for (int64_t row = 0; row < w->rows; row++)
        for (int64_t t = 0; t <= w->tiles; t++)
            w->begin[t * w->rows + row] = place[row * w->tiles + t];
}

static void fill_transposed(const wn__walk_request *r, int64_t tile, int64_t *place, wn__walk *w)
{
    visit v;
    for (int64_t out = 0; out < r->desc->out_c; out++)
        for (int64_t k = first_entry(r, out); k < first_entry(r, out + 1); k++) {
            if (!visit_of(r, out, column_of(r, out, k), &v)) continue;
            const int64_t at = place[v.row * w->tiles + v.channel / tile]++;
            w->offset[at] = v.offset;
            w->entry[at] = (int32_t)k;
        }
}

static wn_status make_transposed(const wn__walk_request *r, int64_t tile, wn__walk *w)
{
    int64_t *place = WN_NEW_ARRAY(int64_t, w->rows * w->tiles + 1);
    if (!place) return wn__no_memory((size_t)(w->rows * w->tiles + 1) * sizeof *place);
    count_transposed(r, tile, place, w);
    w->offset = WN_NEW_ARRAY(int32_t, w->entries);
    w->entry = WN_NEW_ARRAY(int32_t, w->entries);
    w->value = WN_NEW_ARRAY(float, w->entries);
    const bool made = w->offset && w->entry && w->value;
    if (made) fill_transposed(r, tile, place, w);
    wn__free(place);
    return made ? WN_OK : wn__no_memory((size_t)w->entries * sizeof *w->offset);
}

static wn_status make_sparse(const wn__walk_request *r, wn__walk *w)
{
    w->rows = walk_rows(r);
    w->entries = first_entry(r, r->desc->out_c);
    const int64_t tile = tile_channels(r, w->entries);
    w->tiles = (r->from.c + tile - 1) / tile;
    w->begin = WN_NEW_ARRAY(int64_t, (w->tiles + 1) * w->rows);
    if (!w->begin) return wn__no_memory((size_t)((w->tiles + 1) * w->rows) * sizeof *w->begin);
    if (r->transposed) return make_transposed(r, tile, w);
    w->offset = WN_NEW_ARRAY(int32_t, w->entries);
    if (!w->offset) return wn__no_memory((size_t)w->entries * sizeof *w->offset);
    fill_forward(r, tile, w);
    return r->tap_tile ? make_by_tap(r, w) : WN_OK;
}

/* Every entry is visited once at most, and the cells of a row follow each other. */
static bool visits_once(const wn__walk *w, int64_t weights)
{
    bool *seen = WN_NEW_ARRAY(bool, weights), once = true;
    for (int64_t k = 0; seen && once && w->entry && k < w->entries; k++) {
        once = w->entry[k] >= 0 && w->entry[k] < weights && !seen[w->entry[k]];
        if (once) seen[w->entry[k]] = true;
    }
    wn__free(seen);
    return once;
}

static bool is_valid(const wn__walk *w, int64_t weights)
{
    int64_t entries = 0;
    const int64_t rows = w->dense ? 1 : w->rows;
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t t = 0; t < w->tiles; t++)
            if (w->begin[t * rows + row] > w->begin[(t + 1) * rows + row]) return false;
        entries += w->begin[w->tiles * rows + row] - w->begin[row];
    }
    return entries == w->entries && visits_once(w, weights);
}

wn_status wn__walk_make(const wn__walk_request *r, wn__walk *out)
{
    *out = (wn__walk){0};
    const wn__op_desc *d = r->desc;
    const int64_t all = d->out_c * group_inputs(d) * taps(d);
    if (r->from.block > INT32_MAX || (!r->pattern && all > INT32_MAX))
        return wn__fail(WN_EUNSUPPORTED, "sparse: a layer of %lld x %lld weights over %lld pixels is too large", (long long)d->out_c,
                        (long long)(group_inputs(d) * taps(d)), (long long)r->from.block);
    const wn_status status = !r->pattern && d->groups == 1 ? make_dense(r, out) : make_sparse(r, out);
    if (status != WN_OK) wn__walk_release(out);
    WN__INVARIANT(status != WN_OK || is_valid(out, r->pattern ? r->pattern->stored : all));
    if (out->entries == 0 && out->tiles > 1) out->tiles = 1; /* phases that no tap reaches: zeros are written once */
    return status;
}

void wn__walk_release(wn__walk *w)
{
    wn__free(w->begin);
    wn__free(w->offset);
    wn__free(w->entry);
    wn__free(w->value);
    *w = (wn__walk){0};
}

#define SLICE 8192 /* values that a thread takes at a time */

typedef struct gathering {
    int64_t n;
    const int32_t *entry;
    const float *from;
    float *to;
} gathering;

static void gather_slice(void *arg, int64_t slice, int worker)
{
    (void)worker;
    const gathering *g = arg;
    const int64_t end = (slice + 1) * SLICE < g->n ? (slice + 1) * SLICE : g->n;
    for (int64_t k = slice * SLICE; k < end; k++)
        g->to[k] = g->from[g->entry[k]];
}

void wn__gather_values(wn__pool *pool, int64_t n, const int32_t *entry, const float *from, float *to)
{
    gathering g = {n, entry, from, to};
    wn__parallel_for(pool, (n + SLICE - 1) / SLICE, gather_slice, &g);
}

void wn__walk_pack(wn__walk *w, wn__pool *pool, const float *value)
{
    if (w->value) wn__gather_values(pool, w->entries, w->entry, value, w->value);
}

wn__lane_matrix wn__walk_tile(const wn__walk *w, int64_t tile, const float *value)
{
    wn__lane_matrix m = {.rows = w->rows, .offset = w->offset, .entry = w->entry, .value = value};
    if (w->dense) {
        m.first = w->begin[tile];
        m.entries = w->begin[tile + 1];
        m.row_stride = w->row_stride;
    } else {
        m.begin = w->begin + tile * w->rows;
        m.end = w->begin + (tile + 1) * w->rows;
        if (w->value) {
            m.entry = NULL;
            m.value = w->value;
        }
    }
    return m;
}
