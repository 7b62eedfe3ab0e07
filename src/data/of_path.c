/* What lies at a path: which set reads it, what it holds, which samples cannot be read. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "data/of_path.h"
#include "data/pictures.h"
#include "winnow/data.h"

wn_status wn__dataset_of_path(const char *path, const wn__dataset_type **type, const char **key)
{
    if (!strchr(path, '{') && access(path, F_OK) != 0) /* shards: a pattern of names */
        return wn__fail_errno("%s", path);
    for (int i = 0; wn__datasets[i]; i++) {
        *type = wn__datasets[i];
        if ((*type)->takes && (*key = (*type)->takes(path)) != NULL) return WN_OK;
    }
    return wn__fail(
        WN_EUSAGE,
        "%s: no data set reads this; valid: a folder of class folders of pictures, a list of pictures (.txt), arrays (.npz, .npy, .safetensors), shards (.tar)",
        path);
}

wn_status wn_data_recognise(const char *path, const char **set, const char **key)
{
    const wn__dataset_type *type;
    WN__NEED(path);
    WN__NEED(set);
    WN__NEED(key);
    WN_TRY(wn__dataset_of_path(path, &type, key));
    *set = type->name;
    return WN_OK;
}

static wn_status open_path(const char *path, const char *const *set, int sets, wn__dataset *data)
{
    const wn__dataset_type *type;
    const char *key;
    WN_TRY(wn__dataset_of_path(path, &type, &key));
    void *config = wn__alloc(type->config_size);
    if (!config) return wn__no_memory(type->config_size);
    wn_status status = wn__settings_defaults(type->settings, config);
    if (status == WN_OK) status = wn__settings_set(type->settings, config, key, path);
    for (int i = 0; status == WN_OK && i < sets; i++)
        status = wn__settings_assign(type->settings, config, set[i]);
    if (status == WN_OK) status = wn__dataset_open(type, config, NULL, NULL, false, data);
    wn__free(config);
    return status;
}

/* ---- what it holds */

/* counts: (classes, 2), of training and test. */
static wn_status count_classes(const wn__dataset *data, int64_t *counts)
{
    wn__scratch scratch = {0};
    wn_status status = WN_OK;
    for (int part = 0; status == WN_OK && part < 2; part++) {
        const wn__part p = part ? WN__PART_TEST : WN__PART_TRAIN;
        for (int64_t i = 0; status == WN_OK && i < wn__source_count(data->source, p); i++) {
            int32_t label;
            status = wn__source_read(data->source, data->type->name, p, i, &scratch, NULL, &label);
            if (status == WN_OK) counts[2 * label + part]++;
        }
    }
    wn__scratch_release(&scratch);
    return status;
}

static void tell_classes(const wn__sample_spec *s, const int64_t *counts, wn_data_class_visit visit, void *user)
{
    for (int k = 0; k < s->classes; k++) {
        char number[16];
        snprintf(number, sizeof number, "%d", k);
        const wn_data_class class = {.name = s->class_names ? s->class_names[k] : number,
                                     .train = counts ? counts[2 * k] : -1,
                                     .test = counts ? counts[2 * k + 1] : -1};
        visit(user, &class);
    }
}

static wn_status look(const wn__dataset *data, wn_data_summary *summary, wn_data_class_visit visit, void *user)
{
    const wn__sample_spec *s = &data->facts.sample;
    const bool counted = s->target == WN_TARGET_CLASS;
    *summary = (wn_data_summary){.set = data->type->name,
                                 .input = s->input,
                                 .target = s->target,
                                 .channels = s->channels,
                                 .height = s->height,
                                 .width = s->width,
                                 .classes = s->classes,
                                 .train_count = data->facts.train_count - data->facts.own_validation,
                                 .validation_count = data->facts.own_validation,
                                 .test_count = data->facts.test_count};
    const wn__pictures *pictures = wn__pictures_of(data->type, &data->facts);
    if (pictures) summary->passed_over = pictures->passed_over;
    if (!visit || s->target == WN_TARGET_VALUES) return WN_OK;
    int64_t *counts = counted ? WN_NEW_ARRAY(int64_t, 2 * (int64_t)s->classes) : NULL;
    if (counted && !counts) return wn__no_memory((size_t)s->classes * 2 * sizeof *counts);
    const wn_status status = counted ? count_classes(data, counts) : WN_OK;
    if (status == WN_OK) tell_classes(s, counts, visit, user);
    wn__free(counts);
    return status;
}

wn_status wn_data_look(const char *path, const char *const *set, int sets, wn_data_summary *summary, wn_data_class_visit visit, void *user)
{
    wn__dataset data = {0};
    WN__NEED(path);
    WN__NEED_TEXTS(sets, set);
    WN__NEED(summary);
    WN_TRY(open_path(path, set, sets, &data));
    const wn_status status = look(&data, summary, visit, user);
    wn__dataset_release(&data);
    return status;
}

/* ---- which samples cannot be read */

enum { PIECE = 32 };
typedef struct checking {
    const wn__dataset *data;
    wn__part part;
    int64_t count;
    char **faults; /* (count) */
} checking;

static wn_status check_piece(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const checking *c = arg;
    const int64_t end = (chunk + 1) * PIECE < c->count ? (chunk + 1) * PIECE : c->count;
    wn__scratch scratch = {0};
    void *target = wn__alloc((size_t)wn__sample_target_width(&c->data->facts.sample) * 4);
    wn_status status = target ? WN_OK : wn__no_memory(64);
    for (int64_t i = chunk * PIECE; status == WN_OK && i < end; i++) {
        wn__sample_input input;
        status = wn_stop_requested() ? wn__fail(WN_ESTOPPED, "stopped while data were checked") : WN_OK;
        if (status != WN_OK) break;
        status = wn__source_read(c->data->source, c->data->type->name, c->part, i, &scratch, &input, target);
        if (status == WN_OK || status == WN_ENOMEM) continue;
        c->faults[i] = wn__strdup(wn_error_message());
        status = c->faults[i] ? WN_OK : wn__no_memory(1);
    }
    wn__free(target);
    wn__scratch_release(&scratch);
    return status;
}

static wn_status check_part(const wn__dataset *data, wn__part part, wn__pool *pool, wn_data_fault_visit visit, void *user, int64_t *faults)
{
    checking c = {data, part, wn__source_count(data->source, part), NULL};
    c.faults = WN_NEW_ARRAY(char *, c.count);
    if (!c.faults) return wn__no_memory((size_t)c.count * sizeof *c.faults);
    const wn_status status = wn__parallel_try(pool, (c.count + PIECE - 1) / PIECE, check_piece, &c);
    for (int64_t i = 0; i < c.count; i++) {
        if (!c.faults[i]) continue;
        ++*faults;
        if (visit) visit(user, c.faults[i]);
        wn__free(c.faults[i]);
    }
    wn__free(c.faults);
    return status;
}

static wn_status check_all(const char *path, const wn__dataset *data, wn_data_fault_visit visit, void *user)
{
    int64_t faults = 0;
    wn__pool *pool;
    WN_TRY(wn__pool_new(data->source->in_order ? 1 : 0, &pool));
    wn_status status = check_part(data, WN__PART_TRAIN, pool, visit, user, &faults);
    if (status == WN_OK) status = check_part(data, WN__PART_TEST, pool, visit, user, &faults);
    wn__pool_free(pool);
    if (status != WN_OK || faults == 0) return status;
    return wn__fail(WN_EFORMAT, "%s: %" PRId64 " of %" PRId64 " samples cannot be read", path, faults,
                    data->facts.train_count + data->facts.test_count);
}

wn_status wn_data_check(const char *path, const char *const *set, int sets, wn_data_fault_visit visit, void *user)
{
    wn__dataset data = {0};
    WN__NEED(path);
    WN__NEED_TEXTS(sets, set);
    WN_TRY(open_path(path, set, sets, &data));
    const wn_status status = check_all(path, &data, visit, user);
    wn__dataset_release(&data);
    return status;
}
