#include "report/class_results.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "train/confusion_file.h"

/* The file of a run. WN_ENOTFOUND: it has none. */
static wn_status read_run(const wn__results *r, const wn__result_row *row, wn__confusion *file)
{
    const char *name = wn__json_text(row->object, "confusion");
    char *path = name ? wn__path_join(r->folder, name) : NULL;
    if (!name) return WN_ENOTFOUND;
    if (!path) return wn__no_memory(strlen(name));
    const wn_status status = wn__file_exists(path) ? wn__confusion_read(path, file) : WN_ENOTFOUND;
    wn__free(path);
    if (status == WN_EFORMAT) wn__log(WN_LOG_WARNING, "%s; its classes are left out", wn_error_message());
    return status == WN_EFORMAT ? WN_ENOTFOUND : status;
}

/* Adds a file to the counts of cell i. The first file says which classes there are; WN_ENOTFOUND: this one has others. */
static wn_status add_file(wn__class_results *c, int i, wn__confusion *file)
{
    if (c->classes == 0) {
        c->classes = file->classes;
        c->names = file->names;
        file->names = NULL;
    }
    const int64_t size = c->classes * c->classes;
    if (file->classes != c->classes) return WN_ENOTFOUND;
    if (!c->counts[i]) c->counts[i] = WN_NEW_ARRAY(int64_t, size);
    if (!c->counts[i]) return wn__no_memory((size_t)size * sizeof(int64_t));
    for (int64_t k = 0; k < size; k++)
        c->counts[i][k] += file->counts[k];
    return WN_OK;
}

/* All seeds of a cell, or none. */
static wn_status read_cell(const wn__results *r, int i, wn__class_results *c)
{
    wn_status status = WN_OK;
    for (int s = 0; s < r->cells[i].n && status == WN_OK; s++) {
        wn__confusion file = {0};
        status = read_run(r, r->cells[i].rows[s], &file);
        if (status == WN_OK) status = add_file(c, i, &file);
        wn__confusion_release(&file);
    }
    if (status != WN_ENOTFOUND) return status;
    wn__free(c->counts[i]);
    c->counts[i] = NULL;
    return WN_OK;
}

wn_status wn__class_results_read(const wn__results *r, wn__class_results *out)
{
    *out = (wn__class_results){.cell_count = r->cell_count};
    out->counts = WN_NEW_ARRAY(int64_t *, r->cell_count);
    wn_status status = out->counts ? WN_OK : wn__no_memory((size_t)r->cell_count * sizeof *out->counts);
    for (int i = 0; i < r->cell_count && status == WN_OK; i++)
        status = read_cell(r, i, out);
    if (status != WN_OK) wn__class_results_release(out);
    return status;
}

void wn__class_results_release(wn__class_results *c)
{
    for (int i = 0; c->counts && i < c->cell_count; i++)
        wn__free(c->counts[i]);
    for (int64_t k = 0; c->names && k < c->classes; k++)
        wn__free(c->names[k]);
    wn__free(c->counts);
    wn__free(c->names);
    *c = (wn__class_results){0};
}

int64_t wn__class_samples(const wn__class_results *c, const int64_t *counts, int64_t k)
{
    int64_t samples = 0;
    for (int64_t p = 0; p < c->classes; p++)
        samples += counts[k * c->classes + p];
    return samples;
}

double wn__class_accuracy(const wn__class_results *c, const int64_t *counts, int64_t k)
{
    const int64_t samples = wn__class_samples(c, counts, k);
    return samples > 0 ? (double)counts[k * c->classes + k] / (double)samples : (double)NAN;
}

const char *wn__class_name(const wn__class_results *c, int64_t k, char *buffer, size_t size)
{
    snprintf(buffer, size, "%" PRId64, k);
    return c->names ? c->names[k] : buffer;
}
