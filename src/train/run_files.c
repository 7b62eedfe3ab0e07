#include "train/run_files.h"

#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/jsonl.h"

static wn_status open_append(wn__append *a, const char *folder, const char *name, int64_t length)
{
    char *path = wn__path_join(folder, name);
    if (!path) return wn__no_memory(64);
    const wn_status status = wn__append_open(a, path, length);
    wn__free(path);
    return status;
}

static wn_status check_length(const char *folder, const char *name, int64_t length)
{
    char *path = wn__path_join(folder, name);
    int64_t size = 0;
    if (!path) return wn__no_memory(64);
    wn_status status = length > 0 && wn__file_exists(path) ? wn__file_size(path, &size) : WN_OK;
    if (status == WN_OK && size < length)
        status = wn__fail(WN_EFORMAT, "%s has %lld bytes, but %lld were recorded: it was cut or replaced", path, (long long)size,
                          (long long)length);
    wn__free(path);
    return status;
}

wn_status wn__run_files_check(const char *checkpoint, const wn__run_lengths *lengths)
{
    char *folder = wn__path_folder(checkpoint);
    if (!folder) return wn__no_memory(64);
    wn_status status = check_length(folder, "metrics.jsonl", lengths->metrics);
    if (status == WN_OK) status = check_length(folder, "topology.jsonl", lengths->topology);
    wn__free(folder);
    return status;
}

/* `length`, or less where the file ends before. */
static int64_t what_is_left(const char *folder, const char *name, int64_t length)
{
    char *path = wn__path_join(folder, name);
    int64_t size = 0;
    if (path && (!wn__file_exists(path) || wn__file_size(path, &size) != WN_OK)) size = 0;
    wn__free(path);
    return size < length ? size : length;
}

static double wall_time(void) { return (double)time(NULL); }

/* Readers hold files open and go on to the next by name: a file is never cut, each process writes one of its own. */
static wn_status open_events(wn__run_files *f, const char *folder, int64_t step, bool goes_on)
{
    enum { MOST_FILES = 9999 };
    char name[64] = "events.out.tfevents.winnow", *path = wn__path_join(folder, name);
    int number = 1;
    while (path && wn__file_exists(path) && number < MOST_FILES) {
        snprintf(name, sizeof name, "events.out.tfevents.winnow.%04d", ++number);
        wn__free(path);
        path = wn__path_join(folder, name);
    }
    wn_status status = path ? wn__events_open(&f->events, path, 0, wall_time()) : wn__no_memory(64);
    if (status == WN_OK && number > 1) status = wn__events_start(&f->events, goes_on ? step + 1 : step, wall_time());
    wn__free(path);
    return status;
}

wn_status wn__run_files_open(wn__run_files *f, const char *folder, const wn__run_lengths *lengths, bool has_topology, int64_t step)
{
    *f = (wn__run_files){.has_topology = has_topology};
    static const char timing[] = "timing.jsonl";
    wn_status status = WN_OK;
    if (status == WN_OK) status = open_append(&f->metrics, folder, "metrics.jsonl", lengths->metrics);
    if (status == WN_OK) status = open_append(&f->timing, folder, timing, what_is_left(folder, timing, lengths->timing));
    if (status == WN_OK && has_topology) status = open_append(&f->topology, folder, "topology.jsonl", lengths->topology);
    if (status == WN_OK) status = open_events(f, folder, step, lengths->metrics > 0);
    if (status != WN_OK && wn__run_files_close(f) != WN_OK) return status;
    return status;
}

wn_status wn__run_files_sync(wn__run_files *f, wn__run_lengths *lengths)
{
    WN_TRY(wn__append_sync(&f->metrics, &lengths->metrics));
    WN_TRY(wn__append_sync(&f->timing, &lengths->timing));
    if (f->has_topology) WN_TRY(wn__append_sync(&f->topology, &lengths->topology));
    return wn__events_sync(&f->events, &lengths->events);
}

wn_status wn__run_files_close(wn__run_files *f)
{
    const wn_status closed[] = {wn__append_close(&f->metrics), wn__append_close(&f->timing), wn__append_close(&f->topology),
                                wn__events_close(&f->events)};
    for (int i = 0; i < 4; i++)
        if (closed[i] != WN_OK) return closed[i];
    return WN_OK;
}

static wn_status scalar(wn__run_files *f, const char *split, const char *what, int64_t step, double value)
{
    char tag[80];
    snprintf(tag, sizeof tag, "%s/%s", split, what);
    return wn__events_scalar(&f->events, tag, step, wall_time(), (float)value);
}

static bool is_told(const wn__metrics_line *m, int i) { return m->metrics->metric[i]->row || !m->epoch_of_training; }

wn_status wn__run_files_metrics(wn__run_files *f, const wn__metrics_line *m)
{
    wn__json_line line = {0};
    wn__json_line_text(&line, "stage", m->stage);
    wn__json_line_int(&line, "step", m->step);
    wn__json_line_real(&line, "epoch", m->epoch);
    wn__json_line_text(&line, "split", m->split);
    wn__json_line_int(&line, "n", m->n);
    for (int i = 0; i < m->metrics->count; i++)
        if (is_told(m, i)) wn__json_line_real(&line, m->metrics->metric[i]->key, m->score[i]);
    wn__json_line_real(&line, "lr", m->lr);
    wn__json_line_int(&line, "nnz", m->nnz);
    wn__json_line_real(&line, "density", m->density);
    wn__json_line_int(&line, "flops_total", m->flops_total);
    WN_TRY(wn__json_line_append(&line, &f->metrics));
    for (int i = 0; i < m->metrics->count; i++)
        if (is_told(m, i)) WN_TRY(scalar(f, m->split, m->metrics->metric[i]->key, m->step, m->score[i]));
    return scalar(f, m->split, "learning_rate", m->step, m->lr);
}

wn_status wn__run_files_topology(wn__run_files *f, const char *stage, int64_t step, const wn__rewirer *rewirer)
{
    const wn__rewired made = wn__rewirer_made(rewirer);
    wn__json_line line = {0};
    wn__json_line_text(&line, "stage", stage);
    wn__json_line_int(&line, "step", step);
    wn__json_line_int(&line, "updates", made.updates);
    wn__json_line_int(&line, "dropped", made.dropped);
    wn__json_line_int(&line, "grown", made.grown);
    wn__json_line_int(&line, "regrown", made.regrown);
    wn__json_line_real(&line, "explored", made.entries ? (double)made.explored / (double)made.entries : 0);
    wn__json_line_open(&line, "active");
    for (int i = 0; i < wn__rewirer_layers(rewirer); i++)
        wn__json_line_int(&line, wn__rewirer_layer(rewirer, i)->name, wn__rewirer_layer(rewirer, i)->active);
    wn__json_line_close(&line);
    WN_TRY(wn__json_line_append(&line, &f->topology));
    return scalar(f, "topology", "explored", step, made.entries ? (double)made.explored / (double)made.entries : 0);
}

wn_status wn__run_files_timing(wn__run_files *f, const wn__timing *t)
{
    wn__json_line line = {0};
    wn__json_line_int(&line, "step", t->step);
    wn__json_line_real(&line, "train_seconds", t->train_seconds);
    wn__json_line_real(&line, "images_per_second", t->images_per_second);
    wn__json_line_real(&line, "evaluate_seconds", t->evaluate_seconds);
    wn__json_line_real(&line, "waited_seconds", t->waited_seconds);
    wn__json_line_int(&line, "peak_bytes", t->peak_bytes);
    WN_TRY(wn__json_line_append(&line, &f->timing));
    return scalar(f, "speed", "images_per_second", t->step, t->images_per_second);
}
