#include "run/fastest.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "io/digest.h"
#include "io/json_file.h"
#include "models/graph_file.h"
#include "network/machine.h"
#include "run/step_trial.h"

/* Steps of each backend that are timed: at least, at most, and so long. */
#define LONG_ENOUGH 0.5
enum { WARM_UP = 2, LEAST_STEPS = 5, MOST_STEPS = 50, MOST = 2 };

typedef struct choice {
    wn__recipe *recipe;
    wn__machine machine;           /* as `auto` chooses */
    const wn__backend *from[MOST]; /* (count) of dense networks; the first is auto's */
    double seconds[MOST];
    int count;
} choice;

/* ---- where it is kept */

static json_t *backends_json(const choice *c)
{
    json_t *list = json_array();
    for (int i = 0; list && i < c->count; i++) {
        char library[128];
        c->from[i]->describe(library, sizeof library);
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", c->from[i]->name, "library", library));
    }
    return list;
}

/* All that the choice depends on but the machine's speed. */
static wn_status depends_on(const choice *c, json_t **out)
{
    const wn__recipe *r = c->recipe;
    const wn_graph *g = r->graph;
    wn__text graph = {0};
    WN_TRY(wn__graph_file_write(g, &graph));
    *out = json_pack("{s:s, s:[iii], s:I, s:I, s:s, s:s, s:o?}", "network", graph.data, "input", (int)g->c, (int)g->h, (int)g->w, "batch",
                     (json_int_t)r->train.batch, "micro_batch", (json_int_t)r->train.micro_batch, "dtype", wn__dtype_names[r->top.dtype],
                     "isa", wn__isa_name(wn__isa_in_use()), "backends", backends_json(c));
    wn__text_release(&graph);
    return *out ? WN_OK : wn__no_memory(1024);
}

static wn_status path_of(const json_t *inputs, const char *store, char **path)
{
    char digest[WN__SHA256_TEXT], name[96];
    char *text = json_dumps(inputs, JSON_SORT_KEYS | JSON_COMPACT);
    wn_status status = text ? wn__sha256(text, strlen(text), digest) : wn__no_memory(1024);
    free(text); /* jansson's own allocation */
    WN_TRY(status);
    snprintf(name, sizeof name, "backends/%.16s.json", digest);
    *path = wn__path_join(store, name);
    return *path ? WN_OK : wn__no_memory(sizeof name);
}

/* ---- the choice */

static wn_status read_choice(const choice *c, const char *path, int *chosen)
{
    json_t *json;
    WN_TRY(wn__json_load(path, &json));
    const char *name = json_string_value(json_object_get(json, "backend"));
    *chosen = -1;
    for (int i = 0; name && i < c->count; i++)
        if (strcmp(c->from[i]->name, name) == 0) *chosen = i;
    json_decref(json);
    if (*chosen >= 0) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: names no backend that was measured; without that file, backends are measured anew", path);
}

/* The least of some steps: other work makes steps slower, never faster. */
static wn_status time_steps(wn__step_trial *trial, double *least)
{
    double seconds, sum = 0;
    for (int i = 0; i < WARM_UP; i++)
        WN_TRY(wn__step_trial_run(trial, &seconds));
    *least = seconds;
    for (int i = 0; i < LEAST_STEPS || (i < MOST_STEPS && sum < LONG_ENOUGH); i++) {
        WN_TRY(wn__step_trial_run(trial, &seconds));
        sum += seconds;
        if (seconds < *least) *least = seconds;
    }
    return WN_OK;
}

static wn_status measure_one(const choice *c, int which, wn__devices *devices, double *seconds)
{
    wn__step_trial trial;
    wn__device *device;
    WN_TRY(wn__devices_get(devices, c->from[which], (wn__dtype)c->recipe->top.dtype, &device));
    wn_status status = wn__step_trial_open(c->recipe, device, &trial);
    if (status == WN_OK) status = time_steps(&trial, seconds);
    wn__step_trial_close(&trial);
    return status;
}

static wn_status measure(choice *c, int *chosen)
{
    wn__devices devices = {.threads = c->machine.threads, .kernels = (wn__kernels)c->recipe->top.kernels};
    wn_status status = WN_OK;
    *chosen = 0;
    for (int i = 0; i < c->count && status == WN_OK; i++) {
        status = measure_one(c, i, &devices, &c->seconds[i]);
        if (c->seconds[i] < c->seconds[*chosen]) *chosen = i;
    }
    wn__devices_release(&devices);
    return status;
}

/* Of two processes that measured at once the first one's choice holds. */
static wn_status keep_choice(const choice *c, const json_t *inputs, const char *path, int *chosen)
{
    json_t *milliseconds = json_object();
    for (int i = 0; i < c->count; i++)
        json_object_set_new(milliseconds, c->from[i]->name, json_real(1e3 * c->seconds[i]));
    json_t *json = json_pack("{s:s, s:o?, s:s, s:i, s:O}", "backend", c->from[*chosen]->name, "ms_step", milliseconds, "cpu",
                             wn__cpu_name(), "threads", c->machine.threads, "of", inputs);
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL, *folder = wn__path_folder(path);
    wn_status status = text && folder ? wn__make_folders(folder) : wn__no_memory(1024);
    if (status == WN_OK) status = wn__file_create(path, text, strlen(text));
    if (status == WN_OK) status = read_choice(c, path, chosen);
    free(text); /* jansson's own allocation */
    json_decref(json);
    wn__free(folder);
    return status;
}

static wn_status settle(choice *c, const json_t *inputs, const char *path, bool keep, int *chosen)
{
    if (wn__file_exists(path)) {
        WN_TRY(read_choice(c, path, chosen));
        wn__log(WN_LOG_INFO, "backend: fastest is %s for this network, as %s says", c->from[*chosen]->name, path);
        return WN_OK;
    }
    WN_TRY(measure(c, chosen));
    wn__log(WN_LOG_INFO, "backend: fastest is %s for this network: %.3g ms a step, %.3g on %s%s", c->from[*chosen]->name,
            1e3 * c->seconds[*chosen], 1e3 * c->seconds[1 - *chosen], c->from[1 - *chosen]->name,
            keep ? "" : "; the run will measure it once more");
    return keep ? keep_choice(c, inputs, path, chosen) : WN_OK;
}

wn_status wn__fastest_settle(wn__recipe *recipe, const char *store, int threads, bool keep)
{
    choice c = {.recipe = recipe, .count = 1};
    json_t *inputs = NULL;
    char *path = NULL;
    int chosen = 0;
    if (strcmp(recipe->top.backend, WN__BACKEND_FASTEST) != 0) return WN_OK;
    WN_TRY(wn__machine_choose("auto", (wn__dtype)recipe->top.dtype, threads, &c.machine));
    c.from[0] = c.machine.backend;
    if (c.machine.sparse) c.from[c.count++] = c.machine.sparse;
    wn_status status = c.count > 1 ? depends_on(&c, &inputs) : WN_OK;
    if (inputs && status == WN_OK) status = path_of(inputs, store, &path);
    if (path && status == WN_OK) status = settle(&c, inputs, path, keep, &chosen);
    json_decref(inputs);
    wn__free(path);
    if (status == WN_OK) recipe->top.backend = chosen == 0 ? wn__machine_name(&c.machine) : c.from[chosen]->name;
    return status;
}
