#include "report/reached.h"

#include <math.h>

#include "base/locale.h"
#include "base/settings.h"
#include "winnow/show.h"

/* Weights that the rows of a cell kept of those that may be pruned, and how many they would keep; means over seeds. Rounding moves each layer by a half. */
static bool keeps_otherwise(const wn__cell *cell, double *kept, double *exact)
{
    double slack = 0, selected = 0;
    *kept = 0;
    for (int i = 0; i < cell->n; i++) {
        const wn__result_row *row = cell->rows[i];
        if (json_object_get(row->object, "small") || json_object_get(row->object, "wide")) return false; /* told of elsewhere */
        for (int l = 0; l < row->layer_count; l++) {
            if (!row->layers[l].selected) continue;
            selected += (double)row->layers[l].count / cell->n;
            *kept += (double)row->layers[l].nonzero / cell->n;
            slack += 0.5 / cell->n;
        }
    }
    *exact = (1 - cell->sparsity) * selected;
    return cell->sparsity > 0 && fabs(*kept - *exact) > slack + 1e-6 * selected;
}

/* Blocks, groups and equal fan-in cannot have just any number of weights. */
void wn__note_reached(const wn__results *r, wn__text *note)
{
    char asked[32], reached[32], some[32], all[32];
    double kept, exact;
    for (int i = 0; i < r->cell_count; i++) {
        const wn__cell *cell = &r->cells[i];
        if (!keeps_otherwise(cell, &kept, &exact)) continue;
        wn__show_sparsity(cell->sparsity, asked, sizeof asked);
        wn__snprintf(reached, sizeof reached, "%.2f%%", 100 * (1 - kept * (1 - cell->sparsity) / exact));
        wn__text_add(note, "%s at %s: reached %s, %s weights where %s would be exact. ", cell->method, asked, reached,
                     wn_show_count(llround(kept), some, sizeof some), wn_show_count(llround(exact), all, sizeof all));
    }
}
