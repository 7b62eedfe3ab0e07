#include "tensor/pattern.h"

#include <assert.h>
#include <string.h>

#include "base/check.h"
#include "base/fail.h"

/* --- making -------------------------------------------------------------------------------------------------------------------- */

static wn_status check_sizes(int64_t rows, int64_t columns, int64_t stored)
{
    if (rows < 1 || rows > INT32_MAX || columns < 1 || columns > INT32_MAX)
        return wn__fail(WN_EINVAL, "pattern of %lld x %lld, each must be 1..%d", (long long)rows, (long long)columns, INT32_MAX);
    if (stored < 0 || stored > INT32_MAX || stored > rows * columns)
        return wn__fail(WN_EINVAL, "pattern of %lld x %lld with %lld entries, must be 0..%lld", (long long)rows, (long long)columns,
                        (long long)stored, (long long)(rows * columns < INT32_MAX ? rows * columns : INT32_MAX));
    return WN_OK;
}

static wn_status grow_indices(int32_t **array, int64_t count)
{
    int32_t *const grown = wn__realloc(*array, (size_t)count * sizeof **array);
    if (!grown) return wn__no_memory((size_t)count * sizeof **array);
    *array = grown;
    return WN_OK;
}

wn_status wn__pattern_reserve(wn__pattern *p, int64_t capacity)
{
    if (capacity <= p->capacity) return WN_OK;
    WN_TRY(check_sizes(p->rows, p->columns, capacity));
    WN_TRY(grow_indices(&p->column, capacity));
    WN_TRY(grow_indices(&p->row, capacity));
    WN_TRY(grow_indices(&p->entry, capacity));
    p->capacity = capacity;
    return WN_OK;
}

static wn_status allocate(int64_t rows, int64_t columns, int64_t stored, wn__pattern *p)
{
    WN_TRY(check_sizes(rows, columns, stored));
    *p = (wn__pattern){.rows = rows, .columns = columns, .stored = stored};
    wn_status status = wn__pattern_reserve(p, stored);
    p->row_start = WN_NEW_ARRAY(int64_t, rows + 1);
    p->column_start = WN_NEW_ARRAY(int64_t, columns + 1);
    if (status == WN_OK && (!p->row_start || !p->column_start)) status = wn__no_memory((size_t)(rows + columns + 2) * sizeof(int64_t));
    if (status != WN_OK) wn__pattern_release(p);
    return status;
}

/* The same entries by columns. Walking the rows in order leaves rows ascending inside each column. */
static void transpose(wn__pattern *p)
{
    int64_t *start = p->column_start;
    memset(start, 0, (size_t)(p->columns + 1) * sizeof *start);
    for (int64_t e = 0; e < p->stored; e++)
        start[p->column[e] + 1]++;
    for (int64_t c = 0; c < p->columns; c++)
        start[c + 1] += start[c];
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t e = p->row_start[r]; e < p->row_start[r + 1]; e++) {
            const int64_t place = start[p->column[e]]++; /* start[c] moves to the next column's start, and is put back below */
            p->row[place] = (int32_t)r;
            p->entry[place] = (int32_t)e;
        }
    memmove(start + 1, start, (size_t)p->columns * sizeof *start);
    start[0] = 0;
    WN__INVARIANT(wn__pattern_is_valid(p));
}

/* row_start from the number of entries in each row, which row_start[r + 1] holds. */
static void sum_rows(wn__pattern *p)
{
    for (int64_t r = 0; r < p->rows; r++)
        p->row_start[r + 1] += p->row_start[r];
}

static wn_status check_positions(int64_t rows, int64_t columns, const int64_t *position, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (position[i] < 0 || position[i] >= rows * columns)
            return wn__fail(WN_EINVAL, "pattern of %lld x %lld: position %lld of entry %lld is out of range", (long long)rows,
                            (long long)columns, (long long)position[i], (long long)i);
        if (i > 0 && position[i] <= position[i - 1])
            return wn__fail(WN_EINVAL, "pattern of %lld x %lld: position %lld of entry %lld is not above the one before it",
                            (long long)rows, (long long)columns, (long long)position[i], (long long)i);
    }
    return WN_OK;
}

wn_status wn__pattern_from_positions(int64_t rows, int64_t columns, const int64_t *position, int64_t stored, wn__pattern *out)
{
    WN_TRY(check_sizes(rows, columns, stored));
    WN_TRY(check_positions(rows, columns, position, stored));
    wn__pattern p;
    WN_TRY(allocate(rows, columns, stored, &p));
    for (int64_t e = 0; e < stored; e++) {
        const int64_t row = position[e] / columns;
        p.row_start[row + 1]++;
        p.column[e] = (int32_t)(position[e] - row * columns);
    }
    sum_rows(&p);
    transpose(&p);
    *out = p;
    return WN_OK;
}

/* Where a row's mask is not 0; how many these are. Eight at a time, since most are 0. */
static int64_t columns_of(const uint8_t *mask, int64_t columns, int32_t *column)
{
    int64_t count = 0, c = 0;
    for (; c + 8 <= columns; c += 8) {
        uint64_t eight;
        memcpy(&eight, mask + c, sizeof eight);
        for (int i = 0; eight; i++, eight >>= 8)
            if (eight & 0xff) column[count++] = (int32_t)(c + i);
    }
    for (; c < columns; c++)
        if (mask[c]) column[count++] = (int32_t)c;
    return count;
}

wn_status wn__pattern_from_mask(int64_t rows, int64_t columns, const uint8_t *mask, wn__pattern *out)
{
    WN_TRY(check_sizes(rows, columns, 0));
    int64_t stored = 0;
    for (int64_t i = 0; i < rows * columns; i++)
        stored += mask[i] != 0;
    wn__pattern p;
    WN_TRY(allocate(rows, columns, stored, &p));
    int64_t entry = 0;
    for (int64_t r = 0; stored > 0 && r < rows; r++)
        p.row_start[r + 1] = entry += columns_of(mask + r * columns, columns, p.column + entry);
    transpose(&p);
    *out = p;
    return WN_OK;
}

static wn_status check_row(int64_t row, int64_t columns, const int32_t *column, int64_t first, int64_t end)
{
    for (int64_t e = first; e < end; e++) {
        if (column[e] < 0 || column[e] >= columns)
            return wn__fail(WN_EINVAL, "pattern: column %d of entry %lld in row %lld is not in 0..%lld", column[e], (long long)e,
                            (long long)row, (long long)(columns - 1));
        if (e > first && column[e] <= column[e - 1])
            return wn__fail(WN_EINVAL, "pattern: column %d of entry %lld in row %lld is not above the one before it", column[e],
                            (long long)e, (long long)row);
    }
    return WN_OK;
}

wn_status wn__pattern_from_rows(int64_t rows, int64_t columns, const int64_t *row_start, const int32_t *column, wn__pattern *out)
{
    WN_TRY(check_sizes(rows, columns, 0));
    if (row_start[0] != 0) return wn__fail(WN_EINVAL, "pattern: the first row starts at %lld, not at 0", (long long)row_start[0]);
    /* All starts first: only then are the columns that they bound known to be there. */
    for (int64_t r = 0; r < rows; r++)
        if (row_start[r + 1] < row_start[r] || row_start[r + 1] > row_start[rows] || row_start[r + 1] - row_start[r] > columns)
            return wn__fail(WN_EINVAL, "pattern: row %lld is said to hold entries %lld to %lld, of %lld columns", (long long)r,
                            (long long)row_start[r], (long long)row_start[r + 1], (long long)columns);
    const int64_t stored = row_start[rows];
    WN_TRY(check_sizes(rows, columns, stored));
    for (int64_t r = 0; r < rows; r++)
        WN_TRY(check_row(r, columns, column, row_start[r], row_start[r + 1]));
    wn__pattern p;
    WN_TRY(allocate(rows, columns, stored, &p));
    memcpy(p.row_start, row_start, (size_t)(rows + 1) * sizeof *row_start);
    if (stored) memcpy(p.column, column, (size_t)stored * sizeof *column);
    transpose(&p);
    *out = p;
    return WN_OK;
}

wn_status wn__pattern_full(int64_t rows, int64_t columns, wn__pattern *out)
{
    wn__pattern p;
    WN_TRY(check_sizes(rows, columns, 0));
    WN_TRY(allocate(rows, columns, rows * columns, &p));
    for (int64_t r = 0; r < rows; r++) {
        p.row_start[r + 1] = (r + 1) * columns;
        for (int64_t c = 0; c < columns; c++)
            p.column[r * columns + c] = (int32_t)c;
    }
    transpose(&p);
    *out = p;
    return WN_OK;
}

void wn__pattern_release(wn__pattern *p)
{
    wn__free(p->row_start);
    wn__free(p->column);
    wn__free(p->column_start);
    wn__free(p->row);
    wn__free(p->entry);
    *p = (wn__pattern){0};
}

/* --- random -------------------------------------------------------------------------------------------------------------------- */

#define DIGIT_BITS 11

/* Radix sort, lowest digit first; the result may end up in either array, and is returned. */
int64_t *wn__sort_positions(int64_t *position, int64_t *other, int64_t count, int64_t largest)
{
    for (int shift = 0; shift < 63 && largest >> shift; shift += DIGIT_BITS) {
        int64_t start[(1 << DIGIT_BITS) + 1] = {0};
        for (int64_t i = 0; i < count; i++)
            start[(position[i] >> shift & ((1 << DIGIT_BITS) - 1)) + 1]++;
        for (int d = 0; d < 1 << DIGIT_BITS; d++)
            start[d + 1] += start[d];
        for (int64_t i = 0; i < count; i++)
            other[start[position[i] >> shift & ((1 << DIGIT_BITS) - 1)]++] = position[i];
        int64_t *const sorted = other;
        other = position;
        position = sorted;
    }
    return position;
}

/* Draw what is missing, remove what came twice, again. With count <= n/2 every draw is new with probability 1/2 or more. `area` holds
 * 2 * count numbers; the result lies inside it. */
static const int64_t *draw_few(wn__rng *rng, int64_t n, int64_t count, int64_t *area)
{
    int64_t *position = area, *other = area + count;
    for (int64_t distinct = 0; distinct < count;) {
        for (int64_t i = distinct; i < count; i++)
            position[i] = (int64_t)wn__rng_below(rng, (uint64_t)n);
        int64_t *const sorted = wn__sort_positions(position, other, count, n - 1);
        other = sorted == area ? area + count : area;
        position = sorted;
        distinct = 1;
        for (int64_t i = 1; i < count; i++)
            if (position[i] != position[distinct - 1]) position[distinct++] = position[i];
    }
    return position;
}

/* All of 0..n-1 but those left out. */
static void complement(const int64_t *left_out, int64_t count, int64_t n, int64_t *position)
{
    for (int64_t i = 0, k = 0; i < n; i++) {
        if (k < count && left_out[k] == i)
            k++;
        else
            *position++ = i;
    }
}

wn_status wn__draw_positions(wn__rng *rng, int64_t n, int64_t count, int64_t *position)
{
    const bool most = count > n / 2; /* then draw the others: fewer, and n is of the order of `count` */
    const int64_t drawn = most ? n - count : count;
    int64_t *area = WN_NEW_ARRAY(int64_t, 2 * drawn);
    if (!area) return wn__no_memory((size_t)(2 * drawn) * sizeof *area);
    const int64_t *few = draw_few(rng, n, drawn, area);
    if (most)
        complement(few, drawn, n, position);
    else if (count)
        memcpy(position, few, (size_t)count * sizeof *few);
    wn__free(area);
    return WN_OK;
}

wn_status wn__pattern_random(int64_t rows, int64_t columns, int64_t stored, wn__rng *rng, wn__pattern *out)
{
    WN_TRY(check_sizes(rows, columns, stored));
    int64_t *position = WN_NEW_ARRAY(int64_t, stored);
    if (!position) return wn__no_memory((size_t)stored * sizeof *position);
    wn_status status = wn__draw_positions(rng, rows * columns, stored, position);
    if (status == WN_OK) status = wn__pattern_from_positions(rows, columns, position, stored, out);
    wn__free(position);
    return status;
}

/* --- changing ------------------------------------------------------------------------------------------------------------------ */

static wn_status check_drop(const wn__pattern *p, const int64_t *drop, int64_t drops)
{
    for (int64_t i = 0; i < drops; i++)
        if (drop[i] < 0 || drop[i] >= p->stored || (i > 0 && drop[i] <= drop[i - 1]))
            return wn__fail(WN_EINVAL, "pattern: entry %lld to drop (number %lld) is not in 0..%lld or not above the one before it",
                            (long long)drop[i], (long long)i, (long long)(p->stored - 1));
    return WN_OK;
}

static bool is_listed(const int64_t *list, int64_t count, int64_t number)
{
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (list[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && list[low] == number;
}

static wn_status check_grow(const wn__pattern *p, const int64_t *drop, int64_t drops, const int64_t *grow, int64_t grows)
{
    WN_TRY(check_positions(p->rows, p->columns, grow, grows));
    for (int64_t i = 0; i < grows; i++) {
        const int64_t entry = wn__pattern_find(p, grow[i] / p->columns, grow[i] % p->columns);
        if (entry >= 0 && !is_listed(drop, drops, entry))
            return wn__fail(WN_EINVAL, "pattern: position %lld to add is stored already", (long long)grow[i]);
    }
    return check_sizes(p->rows, p->columns, p->stored - drops + grows);
}

static void drop_entries(wn__pattern *p, const int64_t *drop, int64_t drops)
{
    int64_t kept = 0, next = 0, first = 0;
    for (int64_t r = 0; r < p->rows; r++) {
        const int64_t end = p->row_start[r + 1];
        for (int64_t e = first; e < end; e++) {
            if (next < drops && drop[next] == e)
                next++;
            else
                p->column[kept++] = p->column[e];
        }
        first = end;
        p->row_start[r + 1] = kept;
    }
    p->stored = kept;
}

/* From the last row to the first, so that entries only move towards the end and none is overwritten before it was moved. */
static void add_entries(wn__pattern *p, const int64_t *grow, int64_t grows)
{
    int64_t place = p->stored + grows, next = grows - 1;
    p->stored = place;
    for (int64_t r = p->rows - 1; r >= 0; r--) {
        int64_t old = p->row_start[r + 1] - 1;
        p->row_start[r + 1] = place;
        while (old >= p->row_start[r] || (next >= 0 && grow[next] >= r * p->columns)) {
            const bool is_new =
                next >= 0 && grow[next] >= r * p->columns && (old < p->row_start[r] || grow[next] > r * p->columns + p->column[old]);
            if (is_new)
                p->column[--place] = (int32_t)(grow[next--] - r * p->columns);
            else
                p->column[--place] = p->column[old--];
        }
    }
    assert(place == 0 && next < 0);
}

wn_status wn__pattern_change(wn__pattern *p, const int64_t *drop, int64_t drops, const int64_t *grow, int64_t grows)
{
    WN_TRY(check_drop(p, drop, drops));
    WN_TRY(check_grow(p, drop, drops, grow, grows));
    WN_TRY(wn__pattern_reserve(p, p->stored - drops + grows));
    drop_entries(p, drop, drops);
    add_entries(p, grow, grows);
    transpose(p);
    return WN_OK;
}

/* --- asking -------------------------------------------------------------------------------------------------------------------- */

int64_t wn__pattern_find(const wn__pattern *p, int64_t row, int64_t column)
{
    int64_t low = p->row_start[row], high = p->row_start[row + 1];
    const int64_t end = high;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (p->column[middle] < column)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && p->column[low] == column ? low : -1;
}

bool wn__pattern_equal(const wn__pattern *a, const wn__pattern *b)
{
    return a->rows == b->rows && a->columns == b->columns && a->stored == b->stored &&
           memcmp(a->row_start, b->row_start, (size_t)(a->rows + 1) * sizeof *a->row_start) == 0 &&
           (a->stored == 0 || memcmp(a->column, b->column, (size_t)a->stored * sizeof *a->column) == 0);
}

static bool columns_are_valid(const wn__pattern *p)
{
    if (p->column_start[0] != 0 || p->column_start[p->columns] != p->stored) return false;
    for (int64_t c = 0; c < p->columns; c++) {
        if (p->column_start[c + 1] < p->column_start[c]) return false;
        for (int64_t k = p->column_start[c]; k < p->column_start[c + 1]; k++) {
            const int64_t row = p->row[k], entry = p->entry[k];
            if (row < 0 || row >= p->rows || (k > p->column_start[c] && row <= p->row[k - 1])) return false;
            if (entry < p->row_start[row] || entry >= p->row_start[row + 1] || p->column[entry] != c) return false;
        }
    }
    return true;
}

bool wn__pattern_is_valid(const wn__pattern *p)
{
    if (p->stored < 0 || p->stored > p->capacity || p->row_start[0] != 0 || p->row_start[p->rows] != p->stored) return false;
    for (int64_t r = 0; r < p->rows; r++) {
        if (p->row_start[r + 1] < p->row_start[r]) return false;
        for (int64_t e = p->row_start[r]; e < p->row_start[r + 1]; e++)
            if (p->column[e] < 0 || p->column[e] >= p->columns || (e > p->row_start[r] && p->column[e] <= p->column[e - 1])) return false;
    }
    return columns_are_valid(p);
}

size_t wn__pattern_bytes(const wn__pattern *p)
{
    return (size_t)p->capacity * 3 * sizeof(int32_t) + (size_t)(p->rows + p->columns + 2) * sizeof(int64_t);
}

/* --- dense arrays -------------------------------------------------------------------------------------------------------------- */

/* The first entry at or behind a flat position, and its row; (stored, rows) behind the last one. */
static int64_t entry_from(const wn__pattern *p, int64_t position, int64_t *row)
{
    *row = position / p->columns;
    int64_t low = p->row_start[*row], high = p->row_start[*row + 1];
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (*row * p->columns + p->column[middle] < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* mask or dense is NULL. */
static void mark_part(const wn__pattern *p, const float *stored, int64_t first, int64_t count, uint8_t *mask, float *dense)
{
    int64_t row;
    if (count == 0) return;
    for (int64_t e = entry_from(p, first, &row); e < p->stored; e++) {
        while (e >= p->row_start[row + 1])
            row++;
        const int64_t at = row * p->columns + p->column[e] - first;
        if (at >= count) break;
        if (mask)
            mask[at] = 1;
        else
            dense[at] = stored[e];
    }
}

void wn__pattern_mask_part(const wn__pattern *p, int64_t first, int64_t count, uint8_t *mask)
{
    memset(mask, 0, (size_t)count);
    mark_part(p, NULL, first, count, mask, NULL);
}

void wn__pattern_scatter_part(const wn__pattern *p, const float *stored, int64_t first, int64_t count, float *dense)
{
    memset(dense, 0, (size_t)count * sizeof *dense);
    mark_part(p, stored, first, count, NULL, dense);
}

void wn__pattern_mask(const wn__pattern *p, uint8_t *mask) { wn__pattern_mask_part(p, 0, p->rows * p->columns, mask); }

void wn__pattern_scatter(const wn__pattern *p, const float *stored, float *dense)
{
    wn__pattern_scatter_part(p, stored, 0, p->rows * p->columns, dense);
}

void wn__pattern_gather(const wn__pattern *p, const float *dense, float *stored)
{
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t e = p->row_start[r]; e < p->row_start[r + 1]; e++)
            stored[e] = dense[r * p->columns + p->column[e]];
}

void wn__pattern_transfer(const wn__pattern *from, const float *values, const wn__pattern *to, float *out)
{
    for (int64_t r = 0; r < to->rows; r++) {
        int64_t f = from->row_start[r];
        for (int64_t e = to->row_start[r]; e < to->row_start[r + 1]; e++) {
            while (f < from->row_start[r + 1] && from->column[f] < to->column[e])
                f++;
            out[e] = f < from->row_start[r + 1] && from->column[f] == to->column[e] ? values[f] : 0.0f;
        }
    }
}
