/* Deep Bootstrap: what a recipe compares, trained in the real and in the ideal world, or stages that were. */
#include "lab/lab_bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/options.h"
#include "data/world.h"
#include "io/json_file.h"
#include "lab/lab.h"
#include "lab/lab_names.h"
#include "run/experiment.h"
#include "run/store.h"

enum { MOST_JOBS = 256, MOST_SETS = 64 };

/* A recipe as it is run once: one variant, one n, one world. */
typedef struct job {
    char *set[MOST_SETS]; /* owned */
    int sets;
    const char *variant; /* NULL: the recipe as it is */
    int64_t n;
    bool ideal;
} job;

typedef struct bootstrap {
    const wn_lab_bootstrap_options *options;
    wn__worlds worlds;
    job *job; /* (MOST_JOBS) */
    int jobs;
    json_t *stages; /* identities that the answer is made of */
} bootstrap;

/* ---- recipes */

static wn_status add_set(job *j, const char *key, const char *value)
{
    wn__text t = {0};
    if (j->sets == MOST_SETS) return wn__fail(WN_EUSAGE, "more than %d changes to the recipe", MOST_SETS);
    wn__text_add(&t, "%s=%s", key, value);
    if (t.failed) return wn__no_memory(t.size);
    j->set[j->sets++] = t.data;
    return WN_OK;
}

static wn_status add_number(job *j, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return add_set(j, key, text);
}

static void release_job(job *j)
{
    for (int i = 0; i < j->sets; i++)
        wn__free(j->set[i]);
    *j = (job){0};
}

static wn_status add_given(const bootstrap *b, job *j)
{
    const wn_lab_options *o = b->options->lab;
    for (int i = 0; i < o->sets; i++) {
        if (j->sets == MOST_SETS) return wn__fail(WN_EUSAGE, "more than %d changes to the recipe", MOST_SETS);
        if (!(j->set[j->sets] = wn__strdup(o->set[i]))) return wn__no_memory(64);
        j->sets++;
    }
    return WN_OK;
}

static wn_status add_changes(const wn__yaml_node *changes, job *j)
{
    for (int i = 0; changes && i < wn__yaml_count(changes); i++) {
        wn__text value = {0};
        wn_status status = wn__yaml_emit(wn__yaml_child(changes, i), &value);
        if (status == WN_OK) status = add_set(j, wn__yaml_text(wn__yaml_key(changes, i)), value.data ? value.data : "");
        wn__text_release(&value);
        WN_TRY(status);
    }
    return WN_OK;
}

static wn_status make_job(const bootstrap *b, const wn__recipe *base, const char *variant, const wn__yaml_node *changes, int64_t n,
                          bool ideal, job *j)
{
    char name[512];
    *j = (job){.variant = variant, .n = n, .ideal = ideal};
    snprintf(name, sizeof name, "%s%s%s-%s-%lld", base->top.name, variant ? "-" : "", variant ? variant : "", ideal ? "ideal" : "real",
             (long long)n);
    for (char *c = name; *c; c++) /* variants may be called as they like, folders not */
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+", *c)) *c = '_';
    WN_TRY(add_given(b, j));
    WN_TRY(add_changes(changes, j));
    WN_TRY(add_number(j, "data.train_size", n));
    WN_TRY(add_set(j, "world", wn__world_names[ideal ? WN__WORLD_IDEAL : WN__WORLD_REAL]));
    return add_set(j, "name", name);
}

static wn_run_options run_options(const bootstrap *b, const job *j)
{
    const wn_lab_options *o = b->options->lab;
    return WN_OPTIONS(wn_run_options, .recipe = o->networks[0], .set = (const char *const *)j->set, .sets = j->sets,
                      .seeds = b->options->seeds, .out = o->out, .data_folder = o->data_folder, .threads = o->threads,
                      .progress = o->progress, .stop = o->stop, .user = o->user);
}

/* "dense", "rigl 90%" */
static const char *row_name(const wn__row *row, double sparsity, char *text, size_t size)
{
    char shown[32];
    if (row->axes.mask == WN__MASK_NONE) return row->name;
    snprintf(text, size, "%s %s", row->name, wn__show_sparsity(sparsity, shown, sizeof shown));
    return text;
}

static wn_status add_rows(bootstrap *b, const job *j, const wn__experiment *e)
{
    for (int i = 0; i < e->plan->rows; i++) {
        const wn__agenda_row *row = &e->plan->row[i];
        const char *identity = e->plan->stage[row->train].identity;
        char method[320];
        char *folder = wn__store_stage_folder(e->root, identity);
        if (!folder) return wn__no_memory(64);
        const wn__world_run run = {.network = (char *)(j->variant ? j->variant : wn__base_name(e->recipe->arch)),
                                   .method = (char *)row_name(&e->recipe->row[row->row], row->sparsity, method, sizeof method),
                                   .folder = folder,
                                   .n = j->n,
                                   .seed = row->seed,
                                   .ideal = j->ideal};
        const wn_status status = wn__worlds_add(&b->worlds, &run);
        wn__free(folder);
        WN_TRY(status);
        if (json_array_append_new(b->stages, json_string(identity)) != 0) return wn__no_memory(64);
    }
    return WN_OK;
}

/* All of a resolved recipe but its name and n: where that is the same, so is the ideal world. */
static wn_status shape_of(const wn__recipe *r, wn__text *out)
{
    wn__text all = {0};
    WN_TRY(wn__recipe_write(r, &all));
    for (const char *line = all.data, *end; *line; line = end) {
        end = strchr(line, '\n') ? strchr(line, '\n') + 1 : line + strlen(line);
        const char *start = line + strspn(line, " ");
        if (*start == '#' || strncmp(line, "name:", 5) == 0 || strncmp(start, "train_size:", 11) == 0) continue;
        wn__text_add_bytes(out, line, (size_t)(end - line));
    }
    const bool failed = out->failed;
    wn__text_release(&all);
    return failed ? wn__no_memory(1024) : WN_OK;
}

/* `shape` (may be NULL) holds that of a larger n: then nothing is added if this one is the same (*known); it becomes this one's. */
static wn_status add_job(bootstrap *b, const job *j, wn__text *shape, bool *known)
{
    wn__experiment e = {0};
    wn__text own = {0};
    const wn_run_options options = run_options(b, j);
    WN_TRY(wn__experiment_open(&options, &e));
    wn_status status = shape ? shape_of(e.recipe, &own) : WN_OK;
    *known = shape && shape->size > 0 && own.size == shape->size && memcmp(own.data, shape->data, own.size) == 0;
    if (status == WN_OK && !*known) status = b->jobs < MOST_JOBS ? add_rows(b, j, &e) : wn__fail(WN_EUSAGE, "more than %d runs", MOST_JOBS);
    wn__experiment_close(&e);
    if (shape) {
        wn__text_release(shape);
        *shape = own;
    }
    return status;
}

static wn_status plan_one(bootstrap *b, const wn__recipe *base, const char *variant, const wn__yaml_node *changes, int64_t n, bool ideal,
                          wn__text *shape)
{
    job j;
    bool known = false;
    wn_status status = make_job(b, base, variant, changes, n, ideal, &j);
    if (status == WN_OK) status = add_job(b, &j, shape, &known);
    if (status == WN_OK && !known)
        b->job[b->jobs++] = j;
    else
        release_job(&j);
    return status;
}

static int compare_sizes(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The real world of each n; then the ideal one of the largest, and of others where it would be another. */
static wn_status plan_variant(bootstrap *b, const wn__recipe *base, const char *variant, const wn__yaml_node *changes)
{
    const wn__bootstrap_section *s = &base->bootstrap;
    int64_t n[WN__MOST_SIZES] = {base->train_images};
    const int sizes = s->sizes ? s->sizes : 1;
    wn__text shape = {0};
    wn_status status = WN_OK;
    if (s->sizes) memcpy(n, s->n, (size_t)sizes * sizeof *n);
    qsort(n, (size_t)sizes, sizeof *n, compare_sizes);
    for (int i = 0; i < sizes && status == WN_OK; i++)
        status = plan_one(b, base, variant, changes, n[i], false, NULL);
    for (int i = sizes - 1; i >= 0 && status == WN_OK; i--)
        status = plan_one(b, base, variant, changes, n[i], true, &shape);
    wn__text_release(&shape);
    return status;
}

static wn_status plan_variants(bootstrap *b, const wn__recipe *base)
{
    const wn__yaml_node *variants = base->bootstrap.variants;
    if (!variants || wn__yaml_count(variants) == 0) return plan_variant(b, base, NULL, NULL);
    for (int i = 0; i < wn__yaml_count(variants); i++) {
        const wn__yaml_node *changes = wn__yaml_child(variants, i);
        WN_TRY(plan_variant(b, base, wn__yaml_text(wn__yaml_key(variants, i)), wn__yaml_is_null(changes) ? NULL : changes));
    }
    return WN_OK;
}

/* The recipe without variants, for its section bootstrap. n: an option of the command, or the first of the section's. */
static wn_status read_base(const bootstrap *b, wn__recipe **out)
{
    const wn_lab_options *o = b->options->lab;
    const char *sets[MOST_SETS + 2], *seeds = b->options->seeds;
    char n[512];
    int count = 0;
    if (o->sets > MOST_SETS) return wn__fail(WN_EUSAGE, "more than %d changes to the recipe", MOST_SETS);
    for (; count < o->sets; count++)
        sets[count] = o->set[count];
    if (b->options->n && snprintf(n, sizeof n, "bootstrap.n=[%s]", b->options->n) >= (int)sizeof n)
        return wn__fail(WN_EUSAGE, "--n: too many sizes");
    if (b->options->n) sets[count++] = n;
    wn__recipe_source source = {.path = o->networks[0], .set = sets, .sets = count, .seeds = seeds};
    WN_TRY(wn__recipe_read(&source, out));
    WN_TRY(wn__recipe_need_classes(*out, "lab bootstrap"));
    if ((*out)->bootstrap.sizes || (*out)->top.world != WN__WORLD_NONE) return WN_OK;
    wn__recipe_free(*out); /* the size that a world has by itself */
    *out = NULL;
    sets[source.sets++] = "world=real";
    return wn__recipe_read(&source, out);
}

static void take_settings(bootstrap *b, const wn__bootstrap_section *s)
{
    b->worlds.margin = b->options->margin > 0 ? b->options->margin : s->margin;
    b->worlds.converged = b->options->converged > 0 ? b->options->converged : s->converged;
}

static wn_status plan_recipe(bootstrap *b, wn__recipe *base)
{
    take_settings(b, &base->bootstrap);
    b->worlds.claim = base->report.claim;
    b->worlds.claims = base->report.claims;
    return plan_variants(b, base);
}

static wn_status run_jobs(bootstrap *b)
{
    for (int i = 0; i < b->jobs; i++) {
        const wn_run_options options = run_options(b, &b->job[i]);
        WN_TRY(wn_experiment_run(&options, NULL));
    }
    return WN_OK;
}

/* ---- stages */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* "rigl 90% seed 3" without the seed. */
static void cut_seed(char *label)
{
    char *seed = NULL;
    for (char *at = label; (at = strstr(at, " seed ")); at++)
        seed = at;
    if (seed) *seed = 0;
}

static wn_status run_of_stage(const wn__lab_stage *stage, const json_t *inputs, bootstrap *b)
{
    const json_t *data = json_object_get(inputs, "data"), *model = json_object_get(inputs, "model");
    const char *world = text_of(data, "world"), *arch = text_of(model, "arch"), *file = text_of(model, "file");
    char method[512], network[64];
    const bool ideal = strcmp(world, wn__world_names[WN__WORLD_IDEAL]) == 0;
    if (!ideal && strcmp(world, wn__world_names[WN__WORLD_REAL]) != 0)
        return wn__fail(WN_EUSAGE, "%s: was trained in neither world; say world: real or ideal in its recipe", stage->label);
    snprintf(method, sizeof method, "%s", stage->label);
    cut_seed(method);
    if (*arch)
        snprintf(network, sizeof network, "%s", arch);
    else
        snprintf(network, sizeof network, "network %.8s", file);
    const wn__world_run run = {.network = network,
                               .method = method,
                               .folder = stage->folder,
                               .n = strtoll(text_of(data, "train_size"), NULL, 10),
                               .seed = (uint64_t)json_integer_value(json_object_get(inputs, "seed")),
                               .ideal = ideal};
    for (int i = 0; i < b->worlds.runs; i++) {
        const wn__world_run *o = &b->worlds.run[i];
        if (o->n == run.n && o->seed == run.seed && o->ideal == run.ideal && strcmp(o->network, network) == 0 &&
            strcmp(o->method, method) == 0)
            return wn__fail(WN_EUSAGE, "%s: two stages of this label, world and n: they differ in what no table shows", stage->label);
    }
    WN_TRY(wn__worlds_add(&b->worlds, &run));
    return json_array_append_new(b->stages, json_string(stage->identity)) == 0 ? WN_OK : wn__no_memory(64);
}

static wn_status add_stage(bootstrap *b, const char *name)
{
    wn__lab_stage stage = {0};
    json_t *json = NULL;
    WN_TRY(wn__lab_find_stage(b->options->lab, name, &stage));
    char *path = wn__path_join(stage.folder, "stage.json");
    wn_status status = path ? wn__json_load(path, &json) : wn__no_memory(64);
    if (status == WN_OK) status = run_of_stage(&stage, json_object_get(json, "inputs"), b);
    json_decref(json);
    wn__free(path);
    wn__lab_stage_release(&stage);
    return status;
}

static wn_status collect_stages(bootstrap *b)
{
    const wn_lab_options *o = b->options->lab;
    wn__bootstrap_section usual;
    WN_TRY(wn__settings_defaults(wn__bootstrap_settings, &usual));
    take_settings(b, &usual);
    if (b->options->n || b->options->seeds || o->sets)
        return wn__fail(WN_EUSAGE, "n, seeds and set are for recipes: what stages were trained with is fixed");
    for (int i = 0; i < o->count; i++)
        WN_TRY(add_stage(b, o->networks[i]));
    return WN_OK;
}

/* ---- the whole */

static bool is_recipe(const wn_lab_options *o)
{
    const size_t length = strlen(o->networks[0]);
    const bool named_so = length > 5 && strcmp(o->networks[0] + length - 5, ".yaml") == 0;
    return o->count == 1 && (named_so || wn__file_exists(o->networks[0]));
}

static wn_status answer(wn__lab *lab, const bootstrap *b, wn_lab_result *out)
{
    wn__table tables[WN__WORLD_TABLES];
    wn__lab_answer a = {.table = tables, .tables = WN__WORLD_TABLES, .result = wn__worlds_json(&b->worlds)};
    wn__worlds_tables(&b->worlds, tables);
    wn_status status = wn__worlds_figures(&b->worlds, &a.figures);
    if (status == WN_OK) status = wn__lab_finish(lab, &a, out);
    wn__lab_answer_release(&a);
    return status;
}

static wn_status question_of(const bootstrap *b, json_t **out)
{
    *out = json_pack("{s:f, s:f, s:O}", "margin", b->worlds.margin, "converged", b->worlds.converged, "stages", b->stages);
    if (*out && b->worlds.claims > 0) json_object_set_new(*out, "claims", wn__json_texts(b->worlds.claim, b->worlds.claims));
    return *out ? WN_OK : wn__no_memory(256);
}

static wn_status compute(wn__lab *lab, bootstrap *b, wn_lab_result *out)
{
    if (lab->answered) return wn__lab_repeat(lab, out);
    WN_TRY(run_jobs(b));
    WN_TRY(wn__worlds_read(&b->worlds));
    return answer(lab, b, out);
}

wn_status wn_lab_bootstrap(const wn_lab_bootstrap_options *options, wn_lab_result *result)
{
    WN__COMPLETE(wn_lab_bootstrap_options, options);
    WN__COMPLETE_WITHIN(wn_lab_options, options, lab);
    WN__NEED(result);
    WN_TRY(wn__lab_check(options->lab));
    bootstrap b = {.options = options, .job = WN_NEW_ARRAY(job, MOST_JOBS), .stages = json_array()};
    wn__lab lab = {0};
    wn__recipe *base = NULL; /* variants and their names are its text */
    json_t *question;
    wn_status status = b.job && b.stages ? WN_OK : wn__no_memory(64);
    if (status == WN_OK && options->lab->count < 1) status = wn__fail(WN_EUSAGE, "bootstrap wants a recipe, or stages of both worlds");
    if (status == WN_OK && is_recipe(options->lab)) {
        status = read_base(&b, &base);
        if (status == WN_OK) status = plan_recipe(&b, base);
    } else if (status == WN_OK) {
        status = collect_stages(&b);
    }
    if (status == WN_OK) status = question_of(&b, &question);
    if (status == WN_OK) status = wn__lab_open_alone(options->lab, "bootstrap", question, &lab);
    if (status == WN_OK) status = compute(&lab, &b, result);
    wn__lab_close(&lab);
    for (int i = 0; i < b.jobs; i++)
        release_job(&b.job[i]);
    wn__free(b.job);
    json_decref(b.stages);
    wn__worlds_release(&b.worlds);
    wn__recipe_free(base);
    return status;
}
