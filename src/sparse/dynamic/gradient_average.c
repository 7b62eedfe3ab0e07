#include "sparse/dynamic/gradient_average.h"

#include "base/fail.h"

enum { TILE_ROWS = 240, TILE_COLUMNS = 192, TILE = TILE_ROWS * TILE_COLUMNS };

typedef struct job {
    const wn__weight_gradient *gradient;
    float keep, take;
    float *scratch, *average;
    int64_t tiles_across;
} job;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static wn_status average_tile(void *arg, int64_t number, int worker)
{
    const job *j = arg;
    float *values = j->scratch + (int64_t)worker * TILE;
    wn__weight_tile tile = {.row = number / j->tiles_across * TILE_ROWS, .column = number % j->tiles_across * TILE_COLUMNS};
    tile.rows = least(j->gradient->rows - tile.row, TILE_ROWS);
    tile.columns = least(j->gradient->columns - tile.column, TILE_COLUMNS);
    WN_TRY(wn__weight_gradient_tile(j->gradient, &tile, values));
    for (int64_t r = 0; r < tile.rows; r++) {
        float *to = j->average + (tile.row + r) * j->gradient->columns + tile.column;
        for (int64_t c = 0; c < tile.columns; c++)
            to[c] = j->keep * to[c] + j->take * values[r * tile.columns + c];
    }
    return WN_OK;
}

int64_t wn__gradient_average_scratch(wn__pool *pool) { return (int64_t)(pool ? wn__pool_threads(pool) : 1) * TILE; }

wn_status wn__gradient_average(const wn__weight_gradient *gradient, double decay, wn__pool *pool, float *scratch, float *average)
{
    job j = {.gradient = gradient,
             .keep = gradient->piece > 0 ? 1 : (float)decay,
             .take = (float)(1 - decay),
             .scratch = scratch,
             .average = average};
    j.tiles_across = (gradient->columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
    return wn__parallel_try(pool, (gradient->rows + TILE_ROWS - 1) / TILE_ROWS * j.tiles_across, average_tile, &j);
}
