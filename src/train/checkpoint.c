#include "train/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/locale.h"

typedef enum field_type { INT, REAL, BOOL } field_type;

typedef struct field {
    const char *name;
    field_type type;
    size_t offset;
    bool optional; /* absent in older files: zero */
} field;

#define FIELD(name, type)                                   \
    {                                                       \
#name, type, offsetof(wn__train_state, name), false \
    }
#define LATER(name, type, member)                           \
    {                                                       \
        name, type, offsetof(wn__train_state, member), true \
    }

/* Metadata "state.<name>". Reals are hexadecimal: they come back to the last bit. */
static const field fields[] = {
    FIELD(step, INT),
    FIELD(updates, INT),
    FIELD(epoch, INT),
    FIELD(batch, INT),
    FIELD(finished, BOOL),
    FIELD(seen, INT),
    FIELD(best_step, INT),
    FIELD(flops, INT),
    FIELD(teacher_flops, INT),
    FIELD(seconds, REAL),
    {"metrics_length", INT, offsetof(wn__train_state, lengths.metrics), false},
    {"timing_length", INT, offsetof(wn__train_state, lengths.timing), false},
    {"events_length", INT, offsetof(wn__train_state, lengths.events), false},
    LATER("topology_length", INT, lengths.topology),
    LATER("topology_updates", INT, rewired.updates),
    LATER("topology_dropped", INT, rewired.dropped),
    LATER("topology_grown", INT, rewired.grown),
    LATER("topology_regrown", INT, rewired.regrown),
    LATER("topology_explored", INT, rewired.explored),
    LATER("topology_entries", INT, rewired.entries),
};
enum { FIELDS = sizeof fields / sizeof fields[0], KEY = 64 };

/* What is kept of a metric, and of the headline alone. Metadata "state.<prefix><key of the metric>". */
typedef enum kept { ALWAYS, NEWER, KNOWN } kept; /* in every file; in newer files; where it is a number */
typedef struct score_field {
    const char *prefix;
    size_t offset;
    kept presence;
} score_field;
static const score_field of_each[] = {{"train_", offsetof(wn__train_state, train), NEWER},
                                      {"validation_", offsetof(wn__train_state, validation), NEWER},
                                      {"test_", offsetof(wn__train_state, test), NEWER},
                                      {"average_validation_", offsetof(wn__train_state, average_validation), KNOWN},
                                      {"average_test_", offsetof(wn__train_state, average_test), KNOWN}};
static const score_field of_headline[] = {{"best_validation_", offsetof(wn__train_state, best_validation), ALWAYS},
                                          {"best_test_", offsetof(wn__train_state, best_test), ALWAYS}};
enum { EACH = sizeof of_each / sizeof *of_each };

/* Called for every real number of the metrics. */
typedef wn_status (*score_visit)(void *arg, const char *key, kept presence, double *value);

static wn_status visit_scores(const wn__metric_set *set, wn__train_state *state, score_visit visit, void *arg)
{
    char key[KEY];
    for (int m = 0; m < set->count; m++) {
        const wn__metric *metric = set->metric[m];
        snprintf(key, sizeof key, "state.%s%s", metric->sum_key ? metric->sum_key : metric->key, metric->sum_key ? "" : "_sum");
        WN_TRY(visit(arg, key, ALWAYS, &state->sum[m]));
        for (int i = 0; i < EACH; i++) {
            snprintf(key, sizeof key, "state.%s%s", of_each[i].prefix, metric->key);
            WN_TRY(visit(arg, key, of_each[i].presence, (double *)((char *)state + of_each[i].offset) + m));
        }
    }
    for (int i = 0; i < 2; i++) {
        snprintf(key, sizeof key, "state.%s%s", of_headline[i].prefix, wn__metric_headline(set)->key);
        WN_TRY(visit(arg, key, of_headline[i].presence, (double *)((char *)state + of_headline[i].offset)));
    }
    return WN_OK;
}

static wn_status write_score(void *arg, const char *key, kept presence, double *value)
{
    char text[64];
    if (presence == KNOWN && isnan(*value)) return WN_OK;
    wn__snprintf(text, sizeof text, "%a", *value);
    return wn__st_writer_meta(arg, key, text);
}

typedef struct source {
    const wn__safetensors *file;
    const char *path;
} source;

static wn_status read_score(void *arg, const char *key, kept presence, double *value)
{
    const source *s = arg;
    const char *text = wn__safetensors_meta(s->file, key);
    char *end;
    *value = NAN;
    if (!text && presence != ALWAYS) return WN_OK;
    if (!text) return wn__fail(WN_EFORMAT, "%s is no checkpoint: it has no \"%s\"", s->path, key);
    *value = wn__strtod(text, &end);
    if (end == text || *end) return wn__fail(WN_EFORMAT, "%s: \"%s\" is \"%s\", must be a number", s->path, key, text);
    return WN_OK;
}

static wn_status write_state(wn__st_writer *w, const wn__metric_set *metrics, const wn__train_state *state)
{
    wn__train_state copy = *state;
    char key[KEY], text[64];
    for (int i = 0; i < FIELDS; i++) {
        const void *at = (const char *)state + fields[i].offset;
        switch (fields[i].type) {
        case INT: snprintf(text, sizeof text, "%" PRId64, *(const int64_t *)at); break;
        case REAL: wn__snprintf(text, sizeof text, "%a", *(const double *)at); break;
        case BOOL: snprintf(text, sizeof text, "%d", *(const bool *)at); break;
        }
        snprintf(key, sizeof key, "state.%s", fields[i].name);
        WN_TRY(wn__st_writer_meta(w, key, text));
    }
    return visit_scores(metrics, &copy, write_score, w);
}

static wn_status read_state(const wn__safetensors *file, const char *path, const wn__metric_set *metrics, wn__train_state *state)
{
    source from = {file, path};
    for (int i = 0; i < FIELDS; i++) {
        char key[KEY];
        snprintf(key, sizeof key, "state.%s", fields[i].name);
        const char *text = wn__safetensors_meta(file, key);
        if (!text && fields[i].optional) continue;
        if (!text) return wn__fail(WN_EFORMAT, "%s is no checkpoint: it has no \"%s\"", path, key);
        void *at = (char *)state + fields[i].offset;
        char *end;
        switch (fields[i].type) {
        case INT: *(int64_t *)at = strtoll(text, &end, 10); break;
        case REAL: *(double *)at = wn__strtod(text, &end); break;
        case BOOL: *(bool *)at = strtoll(text, &end, 10) != 0; break;
        }
        if (end == text || *end) return wn__fail(WN_EFORMAT, "%s: \"%s\" is \"%s\", must be a number", path, key, text);
    }
    return visit_scores(metrics, state, read_score, &from);
}

static wn_status add_owner(wn__st_writer *w, const wn__checkpoint_owner *owner)
{
    char text[32];
    WN_TRY(wn__st_writer_meta(w, "stage", owner->stage));
    WN_TRY(wn__st_writer_meta(w, "identity", owner->identity));
    WN_TRY(wn__st_writer_meta(w, "optimizer", owner->optimizer->name));
    snprintf(text, sizeof text, "%" PRIu64, owner->data_seed);
    WN_TRY(wn__st_writer_meta(w, "data_seed", text));
    snprintf(text, sizeof text, "%" PRIu64, owner->noise_seed);
    return wn__st_writer_meta(w, "noise_seed", text);
}

/* name (size) = the tensor of one of the rewirer's arrays. */
static wn__rewirer_array array_at(const wn__checkpoint_owner *owner, int index, char *name, size_t size)
{
    const wn__rewirer_array a = wn__rewirer_array_at(owner->rewirer, index);
    snprintf(name, size, "%s.%s", a.param, a.name);
    return a;
}

static int arrays_of(const wn__checkpoint_owner *owner) { return owner->rewirer ? wn__rewirer_arrays(owner->rewirer) : 0; }

static wn_status write_arrays(wn__st_writer *w, const wn__checkpoint_owner *owner)
{
    char name[512];
    for (int i = 0; i < arrays_of(owner); i++) {
        const wn__rewirer_array a = array_at(owner, i, name, sizeof name);
        WN_TRY(wn__st_writer_add(w, name, a.is_float ? WN__ST_F32 : WN__ST_U8, 1, &a.count, a.data));
    }
    return WN_OK;
}

/* Before anything is changed. */
static wn_status check_arrays(const wn__safetensors *file, const wn__checkpoint_owner *owner)
{
    char name[512];
    const wn__st_tensor *t;
    for (int i = 0; i < arrays_of(owner); i++) {
        const wn__rewirer_array a = array_at(owner, i, name, sizeof name);
        const wn__st_dtype dtype = a.is_float ? WN__ST_F32 : WN__ST_U8;
        WN_TRY(wn__safetensors_need(file, name, 1, &a.count, &t));
        if (t->dtype != dtype)
            return wn__fail(WN_EMISMATCH, "%s is of type %s, must be %s", name, wn__st_type(t), wn__st_dtype_name(dtype));
    }
    return WN_OK;
}

static wn_status read_arrays(const wn__safetensors *file, const wn__checkpoint_owner *owner)
{
    char name[512];
    for (int i = 0; i < arrays_of(owner); i++) {
        const wn__rewirer_array a = array_at(owner, i, name, sizeof name);
        WN_TRY(wn__safetensors_bytes(file, name, a.is_float ? WN__ST_F32 : WN__ST_U8, 1, &a.count, a.data));
    }
    return WN_OK;
}

wn_status wn__checkpoint_save(const char *path, const wn__checkpoint_owner *owner, const wn__params *params, const wn__train_state *state)
{
    wn__st_writer *w;
    WN_TRY(wn__st_writer_new(&w));
    wn_status status = wn__network_add(w, &owner->info, params, WN__FORM_STORED, owner->optimizer);
    if (status == WN_OK) status = add_owner(w, owner);
    if (status == WN_OK) status = write_state(w, owner->metrics, state);
    if (status == WN_OK) status = write_arrays(w, owner);
    if (status == WN_OK) status = wn__st_writer_write(w, path);
    wn__st_writer_free(w);
    return status;
}

static wn_status check_owner(const wn__safetensors *file, const char *path, const wn__checkpoint_owner *owner)
{
    const char *identity = wn__safetensors_meta(file, "identity");
    if (!identity || strcmp(identity, owner->identity) != 0)
        return wn__fail(WN_EMISMATCH, "%s belongs to another stage (%s), not to %s", path, identity ? identity : "none is named",
                        owner->identity);
    return WN_OK;
}

wn_status wn__checkpoint_load(const char *path, const wn__checkpoint_owner *owner, wn__params *params, wn__train_state *state)
{
    wn__safetensors *file;
    wn__train_state read = {0};
    WN_TRY(wn__safetensors_open(path, &file));
    wn_status status = check_owner(file, path, owner);
    if (status == WN_OK) status = read_state(file, path, owner->metrics, &read);
    if (status == WN_OK) status = wn__run_files_check(path, &read.lengths);
    if (status == WN_OK) {
        status = check_arrays(file, owner);
        if (status == WN_OK) status = wn__network_read(file, WN__PART_VALUES | WN__PART_MASKS | WN__PART_SLOTS, owner->optimizer, params);
        if (status == WN_OK) status = read_arrays(file, owner);
        if (status != WN_OK) status = wn__fail_within(status, "%s: ", path);
    }
    wn__safetensors_close(file);
    if (status == WN_OK && owner->rewirer) wn__rewirer_restore(owner->rewirer, &read.rewired);
    if (status == WN_OK) *state = read;
    return status;
}
