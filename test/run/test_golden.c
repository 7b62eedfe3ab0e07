/* The golden record: what no change may change.
 *
 * golden/keys.txt has the key of every stage of every example recipe; golden/runs.txt the SHA-256 of what every stage of the runs in golden/NAME.yaml
 * leaves behind: the decoded contents of its weights and masks, and its metrics. Both are kept apart by what results may depend on: instruction set
 * and versions of libraries. What this build or machine has no record of is told and skipped.
 *
 *     test_golden --record     writes what it finds into both files, beside what others have recorded
 */
#include <ctype.h>
#include <unistd.h>

#include "base/cpu.h"
#include "io/safetensors.h"
#include "plan/agenda.h"
#include "scratch_folder.h"
#include "winnow/experiment.h"
#include "winnow/sweep.h"

#define GOLDEN WN_TEST_SOURCE "/golden"

static bool recording;

/* ---- a record: sections "[name] what it was made with", then lines */

typedef struct section {
    char *name, *with; /* one allocation, `name`'s */
    char *body;        /* lines, each ended by '\n'; owned */
} section;

typedef struct record {
    section *item;
    int count;
} record;

static char *copy_text(const char *text, size_t size)
{
    char *copy = malloc(size + 1);
    CHECK(copy != NULL);
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

static section *record_add(record *r, const char *name, const char *with)
{
    r->item = realloc(r->item, (size_t)(r->count + 1) * sizeof *r->item);
    CHECK(r->item != NULL);
    section *s = &r->item[r->count++];
    s->name = malloc(strlen(name) + strlen(with) + 2);
    CHECK(s->name != NULL);
    s->with = strcpy(s->name, name) + strlen(name) + 1;
    strcpy(s->with, with);
    s->body = NULL;
    return s;
}

static void record_read(const char *path, record *r)
{
    char *text;
    size_t size;
    *r = (record){0};
    if (!wn__file_exists(path)) return;
    CHECK_OK(wn__file_read(path, &text, &size));
    for (char *at = strchr(text, '['); at;) {
        char *line_end = strchr(at, '\n'), *name_end = strstr(at, "] ");
        CHECK(line_end && name_end && name_end < line_end);
        *line_end = *name_end = 0;
        section *s = record_add(r, at + 1, name_end + 2);
        char *next = strstr(line_end + 1, "\n[");
        s->body = copy_text(line_end + 1, next ? (size_t)(next - line_end) : strlen(line_end + 1));
        at = next ? next + 1 : NULL;
    }
    wn__free(text);
}

static void record_release(record *r)
{
    for (int i = 0; i < r->count; i++) {
        free(r->item[i].name);
        free(r->item[i].body);
    }
    free(r->item);
}

static int by_name(const void *a, const void *b)
{
    const section *x = a, *y = b;
    const int names = strcmp(x->name, y->name);
    return names ? names : strcmp(x->with, y->with);
}

static void record_write(const char *path, const char *head, record *r)
{
    wn__text text = {0};
    qsort(r->item, (size_t)r->count, sizeof *r->item, by_name);
    wn__text_add(&text, "%s", head);
    for (int i = 0; i < r->count; i++)
        wn__text_add(&text, "[%s] %s\n%s", r->item[i].name, r->item[i].with, r->item[i].body);
    CHECK(!text.failed);
    CHECK_OK(wn__file_write(path, text.data, text.size));
    wn__text_release(&text);
}

static section *record_find(const record *r, const char *name, const char *with)
{
    for (int i = 0; i < r->count; i++)
        if (strcmp(r->item[i].name, name) == 0 && strcmp(r->item[i].with, with) == 0) return &r->item[i];
    return NULL;
}

/* ---- comparing */

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The lines of a text, sorted; the text is cut up. */
static char **split(char *text, int *count)
{
    char **lines = NULL;
    *count = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        lines = realloc(lines, (size_t)(*count + 1) * sizeof *lines);
        CHECK(lines != NULL);
        lines[(*count)++] = line;
    }
    if (lines) qsort(lines, (size_t)*count, sizeof *lines, by_text);
    return lines;
}

/* Number of lines that only one of both has; they are shown with - and +. */
static int show_changes(char *was, char *is)
{
    int olds, news, changes = 0, i = 0, j = 0;
    char **old = split(was, &olds), **new = split(is, &news);
    while (i < olds || j < news) {
        const int order = i == olds ? 1 : j == news ? -1 : strcmp(old[i], new[j]);
        if (order != 0) changes++;
        if (order < 0) fprintf(stderr, "    - %s\n", old[i]);
        if (order > 0) fprintf(stderr, "    + %s\n", new[j]);
        i += order <= 0;
        j += order >= 0;
    }
    free(old);
    free(new);
    return changes;
}

/* Is it another instruction set or library that the record does not know, or is this run or recipe missing in it? */
static bool is_missing(const record *r, const char *name, const char *with)
{
    bool known = false;
    for (int i = 0; i < r->count; i++) {
        if (strcmp(r->item[i].with, with) == 0) return true;
        known = known || strcmp(r->item[i].name, name) == 0;
    }
    return !known;
}

/* Compare with the record, or put it there. Number of changes; -1: not recorded for what it is made with. body: owned by the caller, cut up. */
static int settle(record *r, const char *name, const char *with, char *body)
{
    section *s = record_find(r, name, with);
    if (recording) {
        if (!s) s = record_add(r, name, with);
        free(s->body);
        s->body = copy_text(body, strlen(body));
        return 0;
    }
    if (!s && is_missing(r, name, with)) WN_TEST_FAIL("%s: is not in the record (%s): test_golden --record", name, with);
    if (!s) {
        printf("  %s: not recorded with %s\n", name, with);
        return -1;
    }
    char *was = copy_text(s->body, strlen(s->body));
    const int changes = strcmp(was, body) ? show_changes(was, body) : 0;
    if (changes) fprintf(stderr, "  %s (%s): %d lines changed\n", name, with, changes);
    free(was);
    return changes;
}

/* ---- what a result was made with: instruction set and libraries, each once */

enum { MOST_LIBRARIES = 16 };
typedef struct libraries {
    const char *name[MOST_LIBRARIES]; /* borrowed */
    int count;
} libraries;

static void note_library(libraries *l, const char *name)
{
    int at = 0;
    while (at < l->count && strcmp(l->name[at], name) < 0)
        at++;
    if (at < l->count && strcmp(l->name[at], name) == 0) return;
    CHECK(l->count < MOST_LIBRARIES);
    memmove(l->name + at + 1, l->name + at, (size_t)(l->count++ - at) * sizeof l->name[0]);
    l->name[at] = name;
}

/* All values of "library" and "teacher_library", wherever they stand. */
static void note_libraries(libraries *l, const json_t *inputs)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)inputs, key, value)
    {
        if (json_is_object(value)) note_libraries(l, value);
        if (json_is_string(value) && strstr(key, "library")) note_library(l, json_string_value(value));
    }
}

/* Of bfloat16 oneDNN's code depends on more of the CPU than the instruction set that is part of keys. */
static void write_with(const libraries *l, bool bfloat16, wn__text *with)
{
    char features[256];
    wn__text_add(with, "%s", wn__isa_name(wn__isa_in_use()));
    if (bfloat16) wn__text_add(with, strstr(wn__cpu_features(features, sizeof features), "amx-bf16") ? " with AMX" : " without AMX");
    for (int i = 0; i < l->count; i++)
        wn__text_add(with, "; %s", l->name[i]);
    CHECK(!with->failed);
}

/* ---- keys */

/* As settle. */
static int settle_plan(record *r, const char *name, const wn__agenda *plan)
{
    libraries used = {0};
    wn__text with = {0}, body = {0};
    for (int i = 0; i < plan->stages; i++) {
        note_libraries(&used, plan->stage[i].inputs);
        wn__text_add(&body, "%.16s %s\n", plan->stage[i].identity, plan->stage[i].label);
    }
    write_with(&used, false, &with);
    CHECK(!body.failed);
    const int changes = settle(r, name, with.data, body.data);
    wn__text_release(&with);
    wn__text_release(&body);
    return changes;
}

/* What this build lacks is left out and told. */
static bool lacks_library(wn_status status)
{
    const bool lacks = status == WN_EUSAGE && strstr(wn_error_message(), "not in this build");
    if (!lacks) CHECK_OK(status);
    return lacks;
}

static int settle_recipe(record *r, const char *folder, const char *file)
{
    char path[512];
    wn__recipe *recipe = NULL;
    wn__agenda *plan = NULL;
    wn__machine machine;
    int changes = -1;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    const wn__recipe_source source = {.path = path};
    bool lacks = lacks_library(wn__recipe_read(&source, &recipe));
    if (!lacks) lacks = lacks_library(wn__machine_choose(recipe->top.backend, (wn__dtype)recipe->top.dtype, 1, &machine));
    if (!lacks) lacks = lacks_library(wn__agenda_make(recipe, &machine, &plan));
    if (lacks)
        printf("  %s: %s\n", path, wn_error_message());
    else
        changes = settle_plan(r, path, plan);
    wn__agenda_free(plan);
    wn__recipe_free(recipe);
    return changes;
}

/* Changes of all recipes; *recorded counts those of which there is a record. */
static int settle_folder(record *r, const char *folder, int *recorded)
{
    char **names;
    int count, changes = 0;
    CHECK_OK(wn__list_folder(folder, &names, &count));
    for (int i = 0; i < count; i++)
        if (strlen(names[i]) > 5 && strcmp(names[i] + strlen(names[i]) - 5, ".yaml") == 0) {
            const int changed = settle_recipe(r, folder, names[i]);
            *recorded += changed >= 0;
            changes += changed > 0 ? changed : 0;
        }
    wn__free_names(names, count);
    return changes;
}

TEST(keys_of_example_recipes_stay)
{
    record r;
    if (wn__isa_in_use() != WN__ISA_AVX2) SKIP("keys are recorded with WINNOW_ISA=avx2");
    record_read(GOLDEN "/keys.txt", &r);
    int recorded = 0;
    const int changes = settle_folder(&r, "examples", &recorded) + settle_folder(&r, "examples/papers", &recorded);
    if (recording)
        record_write(GOLDEN "/keys.txt", "Keys of all stages of the example recipes, by test_golden --record: first 16 digits, label.\n",
                     &r);
    record_release(&r);
    CHECK_EQ_INT(changes, 0);
    if (!recorded) SKIP("no keys are recorded with these libraries");
}

/* ---- runs */

static void text_digest(wn__text *text, char digest[WN__SHA256_TEXT])
{
    CHECK(!text->failed);
    CHECK_OK(wn__sha256(text->data ? text->data : "", text->size, digest));
    wn__text_release(text);
}

static int by_tensor(const void *a, const void *b)
{
    return strcmp((*(const wn__st_tensor *const *)a)->name, (*(const wn__st_tensor *const *)b)->name);
}

/* Of names, shapes, types and values of a file of tensors, sorted by name: neither order nor metadata count. */
static void digest_tensors(const char *path, char digest[WN__SHA256_TEXT])
{
    wn__safetensors *file;
    wn__text text = {0};
    CHECK_OK(wn__safetensors_open(path, &file));
    const int count = wn__safetensors_count(file);
    const wn__st_tensor **order = malloc((size_t)(count + 1) * sizeof *order);
    CHECK(order != NULL);
    for (int i = 0; i < count; i++)
        order[i] = wn__safetensors_at(file, i);
    qsort(order, (size_t)count, sizeof *order, by_tensor);
    for (int i = 0; i < count; i++) {
        wn__text_add(&text, "%s %s", order[i]->name, wn__st_dtype_name(order[i]->dtype));
        for (int k = 0; k < order[i]->ndim; k++)
            wn__text_add(&text, " %lld", (long long)order[i]->dim[k]);
        wn__text_add(&text, "\n");
        wn__text_add_bytes(&text, order[i]->data, (size_t)order[i]->count * (size_t)wn__st_dtype_size(order[i]->dtype));
    }
    free(order);
    wn__safetensors_close(file);
    text_digest(&text, digest);
}

static void digest_bytes(const char *path, char digest[WN__SHA256_TEXT]) { CHECK_OK(wn__sha256_file(path, digest)); }

static void add_stage(const char *folder, const json_t *stage, wn__text *body)
{
    static const struct {
        const char *file;
        void (*digest)(const char *path, char digest[WN__SHA256_TEXT]);
    } part[] = {{"final.safetensors", digest_tensors}, {"mask.safetensors", digest_tensors}, {"metrics.jsonl", digest_bytes}};
    for (int i = 0; i < 3; i++) {
        char digest[WN__SHA256_TEXT];
        char *path = wn__path_join(folder, part[i].file);
        CHECK(path != NULL);
        if (wn__file_exists(path)) {
            part[i].digest(path, digest);
            wn__text_add(body, "%.16s %s %s, %s\n", json_string_value(json_object_get(stage, "identity")), digest, part[i].file,
                         json_string_value(json_object_get(stage, "label")));
        }
        wn__free(path);
    }
}

/* Everything in a store, whatever made it. */
static int settle_store(record *r, const char *name, const char *store)
{
    char **names, *stages = wn__path_join(store, "stages");
    int count;
    libraries used = {0};
    wn__text with = {0}, body = {0};
    CHECK_OK(wn__list_folder(stages, &names, &count));
    json_t **stage = calloc((size_t)count + 1, sizeof *stage);
    CHECK(stage != NULL);
    for (int i = 0; i < count; i++) {
        char *folder = wn__path_join(stages, names[i]), *file = wn__path_join(folder, "stage.json");
        stage[i] = json_load_file(file, 0, NULL);
        CHECK(stage[i] != NULL);
        note_libraries(&used, json_object_get(stage[i], "inputs"));
        add_stage(folder, stage[i], &body);
        wn__free(file);
        wn__free(folder);
    }
    write_with(&used, strcmp(name, "bfloat16") == 0, &with);
    CHECK(!body.failed && body.data);
    const int changes = settle(r, name, with.data, body.data);
    for (int i = 0; i < count; i++)
        json_decref(stage[i]);
    free(stage);
    wn__text_release(&with);
    wn__text_release(&body);
    wn__free_names(names, count);
    wn__free(stages);
    return changes;
}

static wn_status run(const char *recipe, const char *store, bool sweep)
{
    const wn_run_options options = {.size = sizeof options, .recipe = recipe, .out = store, .threads = 1};
    const wn_sweep_options trials = {.size = sizeof trials, .run = &options};
    return sweep ? wn_sweep_run(&trials, WN_SWEEP_TEXT, NULL, NULL) : wn_experiment_run(&options, NULL);
}

static void check_run(const char *name)
{
    record r;
    char recipe[512];
    snprintf(recipe, sizeof recipe, "test/golden/%s.yaml", name);
    const char *store = scratch_fresh("store");
    wn__recipe *read = NULL;
    wn__machine machine;
    const wn__recipe_source source = {.path = recipe};
    wn_status status = wn__recipe_read(&source, &read);
    if (status == WN_OK) status = wn__machine_choose(read->top.backend, (wn__dtype)read->top.dtype, 1, &machine);
    wn__recipe_free(read);
    if (status == WN_OK) status = run(recipe, store, strcmp(name, "sweep") == 0);
    if (status == WN_EUNSUPPORTED || (status == WN_EUSAGE && strstr(wn_error_message(), "not in this build"))) SKIP(wn_error_message());
    CHECK_OK(status);
    record_read(GOLDEN "/runs.txt", &r);
    const int changes = settle_store(&r, name, store);
    if (recording)
        record_write(GOLDEN "/runs.txt", "Digests of what short runs leave behind, by test_golden --record: key, SHA-256, file, label.\n",
                     &r);
    record_release(&r);
    if (changes < 0) SKIP("no results are recorded with this instruction set and these libraries");
    CHECK_EQ_INT(changes, 0);
}

TEST(results_of_ref_stay) { check_run("ref"); }
TEST(results_of_onednn_stay) { check_run("onednn"); }
TEST(results_of_sparse_stay) { check_run("sparse"); }
TEST(results_of_linear_layers_stay) { check_run("linear"); }
TEST(results_of_all_methods_stay) { check_run("methods"); }
TEST(results_of_soft_labels_stay) { check_run("kd"); }
TEST(results_of_bases_stay) { check_run("bases"); }
TEST(results_of_bases_from_lapack_stay) { check_run("vectors"); }
TEST(results_of_the_ideal_world_stay) { check_run("ideal"); }
TEST(results_of_the_real_world_stay) { check_run("real"); }
TEST(results_in_bfloat16_stay) { check_run("bfloat16"); }
TEST(results_of_a_sweep_stay) { check_run("sweep"); }

/* A method that came later must take its place in the record. */
TEST(every_method_is_in_the_record)
{
    char *text;
    size_t size;
    CHECK_OK(wn__file_read(GOLDEN "/methods.yaml", &text, &size));
    for (const wn__method *m = wn__methods; m->name; m++) {
        const size_t length = strlen(m->name);
        const char *at = text;
        while ((at = strstr(at, m->name)) && (strchr("-", at[length]) || isalnum(at[length]) || strchr("-", at[-1]) || isalnum(at[-1])))
            at++;
        if (!at) WN_TEST_FAIL("%s is missing in golden/methods.yaml", m->name);
    }
    wn__free(text);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(keys_of_example_recipes_stay),
                                    RUN(results_of_ref_stay),
                                    RUN(results_of_onednn_stay),
                                    RUN(results_of_sparse_stay),
                                    RUN(results_of_linear_layers_stay),
                                    RUN(results_of_all_methods_stay),
                                    RUN(results_of_soft_labels_stay),
                                    RUN(results_of_bases_stay),
                                    RUN(results_of_bases_from_lapack_stay),
                                    RUN(results_of_the_ideal_world_stay),
                                    RUN(results_of_the_real_world_stay),
                                    RUN(results_in_bfloat16_stay),
                                    RUN(results_of_a_sweep_stay),
                                    RUN(every_method_is_in_the_record),
                                    {0}};
    if (chdir(WN_TEST_SOURCE "/..") != 0) return 1; /* recipes name files from the project's root */
    recording = argc > 1 && strcmp(argv[1], "--record") == 0;
    return scratch_test_main(argc - recording, argv + recording, tests);
}
