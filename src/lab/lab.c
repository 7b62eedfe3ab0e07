#include "lab/lab.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/cpu.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/stop.h"
#include "io/json_file.h"
#include "lab/lab_names.h"
#include "network/weights_file.h"
#include "recipe/data_record.h"
#include "recipe/used_keys.h"
#include "recipe/weights_recipe.h"
#include "run/store.h"
#include "sparse/basis/basis_map.h"
#include "tensor/compression.h"

enum { MOST_PRINTED_ROWS = 60 };
#define LAB_VERSION 1 /* raised by every change that changes results of analyses */

/* --- opening ------------------------------------------------------------------------------------------------------------------- */

static wn_status read_recipe(wn__lab *lab)
{
    const wn_lab_options *o = lab->options;
    static const char *const used[] = {"data", "model", "backend", "dtype", "threads", "memory", "kernels", "world", "train.batch", NULL};
    const char *path = lab->network[0].path;
    wn__safetensors *file;
    WN_TRY(wn__weights_open(path, NULL, &file));
    wn_status status = wn__recipe_of_weights(file, path, o->set, o->sets, &lab->recipe);
    if (status == WN_OK) status = wn__used_keys_check(lab->recipe->doc, "winnow lab", used);
    wn__recipe *r = lab->recipe;
    if (status == WN_OK) status = wn__recipe_needs_data(r, path);
    if (status == WN_OK) status = wn__weights_check_classes(file, path, r);
    if (status == WN_OK) status = wn__recipe_build_graph(r, path, wn__recipe_input(r));
    if (status == WN_OK) r->train_images = -1; /* not planned */
    wn__safetensors_close(file);
    return status;
}

static wn_status read_network(const wn__lab *lab, wn__lab_network *n)
{
    WN_TRY(wn__graph_make_params(lab->recipe->graph, &n->params));
    const wn_status status = wn__network_load(n->path, WN__PART_VALUES | WN__PART_MASKS, &n->params);
    if (status == WN_EMISMATCH && n != lab->network)
        return wn__fail_within(status, "%s is another network than %s: ", n->label, lab->network[0].label);
    return status;
}

static wn_status read_networks(wn__lab *lab)
{
    for (int i = 0; i < lab->count; i++)
        WN_TRY(wn__lab_find_network(lab->options, lab->options->networks[i], &lab->network[i].path, &lab->network[i].label));
    WN_TRY(read_recipe(lab));
    for (int i = 0; i < lab->count; i++)
        WN_TRY(read_network(lab, &lab->network[i]));
    return WN_OK;
}

static wn_status choose_machine(wn__lab *lab)
{
    const wn__recipe *r = lab->recipe;
    const int threads = wn__machine_threads(lab->options->threads, r->top.threads, 1, false);
    lab->context = (wn__context){.recipe = r, .data_folder = lab->options->data_folder};
    WN_TRY(wn__data_settle(lab->recipe, lab->options->data_folder, threads, NULL));
    return wn__machine_choose(r->top.backend, (wn__dtype)r->top.dtype, threads, &lab->context.machine);
}

static wn_status add_files(const wn__lab *lab, json_t *question)
{
    json_t *files = json_array();
    WN_TRY(wn__slice_set(question, "networks", files));
    for (int i = 0; i < lab->count; i++) {
        char digest[WN__SHA256_TEXT];
        WN_TRY(wn__safetensors_sha256(lab->network[i].path, digest));
        if (json_array_append_new(files, json_pack("{s:s, s:s}", "name", lab->network[i].label, "sha256", digest)) != 0)
            return wn__no_memory(256);
    }
    return WN_OK;
}

static wn_status complete_question(wn__lab *lab)
{
    json_t *q = lab->question;
    wn__text network = {0};
    WN_TRY(wn__slice_set(q, "analysis", json_string(lab->analysis)));
    WN_TRY(wn__slice_set(q, "lab", json_integer(LAB_VERSION)));
    WN_TRY(wn__slice_set(q, "numerics", json_integer(WN__NUMERICS)));
    WN_TRY(add_files(lab, q));
    if (lab->recipe->data.contents_key[0]) WN_TRY(wn__slice_set(q, "contents", json_string(lab->recipe->data.contents_key)));
    wn_status status = wn__recipe_write_network(lab->recipe, &network);
    if (status == WN_OK) status = wn__slice_set(q, "network", json_string(network.data));
    wn__text_release(&network);
    if (status == WN_OK) status = wn__slice_set(q, "backend", json_string(wn__machine_name(&lab->context.machine)));
    if (status == WN_OK) status = wn__slice_set(q, "dtype", json_string(wn__dtype_names[lab->recipe->top.dtype]));
    if (status == WN_OK) status = wn__slice_set(q, "isa", json_string(wn__isa_name(wn__isa_in_use())));
    return status;
}

static wn_status question_key(const json_t *question, char key[WN__SHA256_TEXT])
{
    char *text = json_dumps(question, JSON_SORT_KEYS | JSON_COMPACT);
    if (!text) return wn__no_memory(1024);
    const wn_status status = wn__sha256(text, strlen(text), key);
    free(text);
    return status;
}

static wn_status make_folder(wn__lab *lab, const char *key)
{
    const wn_lab_options *o = lab->options;
    wn__text path = {0};
    if (o->folder)
        wn__text_add(&path, "%s", o->folder);
    else
        wn__text_add(&path, "%s/lab/%s%s-%.12s", o->out ? o->out : WN__STORE_DEFAULT, o->part ? "parts/" : "", lab->analysis, key);
    if (path.failed) return wn__no_memory(path.size);
    lab->folder = path.data;
    WN_TRY(wn__make_folders(lab->folder));
    char *lock = wn__path_join(lab->folder, "lock");
    const wn_status status = lock ? wn__lock_take(&lab->lock, lock) : wn__no_memory(64);
    wn__free(lock);
    lab->locked = status == WN_OK;
    return status;
}

static wn_status remove_file(const wn__lab *lab, const char *name)
{
    char *path = wn__path_join(lab->folder, name);
    const wn_status status = path ? wn__remove_tree(path) : wn__no_memory(64);
    wn__free(path);
    return status;
}

/* --- units of work ------------------------------------------------------------------------------------------------------------- */

/* Whole lines only: the last one may have been cut off. Returns the length of what belongs to this question; units are taken from it. */
static int64_t read_units(wn__lab *lab, const char *text, size_t size, const char *key)
{
    int64_t good = 0;
    for (const char *line = text, *end; (end = memchr(line, '\n', size - (size_t)(line - text))); line = end + 1) {
        json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);
        const char *unit = json_string_value(json_object_get(object, "unit")),
                   *said = json_string_value(json_object_get(object, "question"));
        const bool fits = good == 0 ? said && strcmp(said, key) == 0 : unit != NULL;
        if (fits && unit) json_object_set(lab->units, unit, json_object_get(object, "values"));
        json_decref(object);
        if (!fits) break;
        good = end + 1 - text;
    }
    return good;
}

static wn_status open_journal(wn__lab *lab, const char *key)
{
    char *path = wn__path_join(lab->folder, "journal.jsonl"), *text = NULL;
    size_t size = 0;
    int64_t good = 0;
    wn_status status = path ? WN_OK : wn__no_memory(64);
    if (status == WN_OK && wn__file_exists(path)) status = wn__file_read(path, &text, &size);
    if (status == WN_OK && text) good = read_units(lab, text, size, key);
    if (status == WN_OK) status = wn__append_open(&lab->journal, path, good);
    if (status == WN_OK && good == 0) {
        char first[WN__SHA256_TEXT + 32];
        const int length = snprintf(first, sizeof first, "{\"question\":\"%s\"}\n", key);
        status = wn__append_write(&lab->journal, first, (size_t)length);
    }
    wn__free(text);
    wn__free(path);
    return status;
}

const json_t *wn__lab_unit(const wn__lab *lab, const char *name) { return json_object_get(lab->units, name); }

wn_status wn__lab_unit_done(wn__lab *lab, const char *name, json_t *values)
{
    int64_t length;
    if (!values) return wn__no_memory(256);
    json_t *line = json_pack("{s:s, s:o}", "unit", name, "values", values);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    wn_status status = text ? WN_OK : wn__no_memory(256);
    if (status == WN_OK) status = wn__append_write(&lab->journal, text, strlen(text));
    if (status == WN_OK) status = wn__append_write(&lab->journal, "\n", 1);
    if (status == WN_OK) status = wn__append_sync(&lab->journal, &length);
    if (status == WN_OK && json_object_set(lab->units, name, values) != 0) status = wn__no_memory(256);
    free(text);
    json_decref(line);
    return status;
}

wn_status wn__lab_progress(wn__lab *lab, int64_t done, int64_t all)
{
    const wn_lab_options *o = lab->options;
    const double now = wn__seconds();
    if (done == 0 || lab->started == 0) lab->started = now;
    if (o->progress) {
        const double spent = now - lab->started;
        const wn_progress p = {.stage = lab->analysis,
                               .step = done,
                               .last_step = all,
                               .loss = (double)NAN,
                               .rate = (double)NAN,
                               .per_second = done > 0 && spent > 0 ? (double)done / spent : 0,
                               .seconds_left = done > 0 ? spent / (double)done * (double)(all - done) : -1,
                               .stages = 1};
        o->progress(o->user, &p);
    }
    return wn__stop_wanted(o->stop) ? wn__fail(WN_ESTOPPED, "%s: stopped after %lld of %lld; the same command continues", lab->analysis,
                                               (long long)done, (long long)all)
                                    : WN_OK;
}

/* --- opening and closing ------------------------------------------------------------------------------------------------------- */

static bool has_answer(const wn__lab *lab)
{
    char *path = wn__path_join(lab->folder, "result.json");
    json_t *json = NULL;
    const bool answered = path && wn__file_exists(path) && wn__json_load(path, &json) == WN_OK &&
                          json_equal(json_object_get(json, "question"), lab->question);
    json_decref(json);
    wn__free(path);
    return answered;
}

static wn_status open_all(wn__lab *lab)
{
    char key[WN__SHA256_TEXT];
    WN_TRY(read_networks(lab));
    WN_TRY(choose_machine(lab));
    WN_TRY(complete_question(lab));
    WN_TRY(question_key(lab->question, key));
    WN_TRY(make_folder(lab, key));
    if (lab->options->again) {
        WN_TRY(remove_file(lab, "result.json"));
        WN_TRY(remove_file(lab, "journal.jsonl"));
    }
    lab->answered = has_answer(lab);
    return lab->answered ? WN_OK : open_journal(lab, key);
}

static wn_status open_folder(wn__lab *lab)
{
    char key[WN__SHA256_TEXT];
    WN_TRY(wn__slice_set(lab->question, "analysis", json_string(lab->analysis)));
    WN_TRY(wn__slice_set(lab->question, "lab", json_integer(LAB_VERSION)));
    WN_TRY(question_key(lab->question, key));
    WN_TRY(make_folder(lab, key));
    if (lab->options->again) WN_TRY(remove_file(lab, "result.json"));
    lab->answered = has_answer(lab);
    return WN_OK;
}

wn_status wn__lab_check(const wn_lab_options *options)
{
    static const char name[] = "wn_lab_options";
    WN_TRY(wn__need_texts(name, "count", options->count, "networks", options->networks));
    WN_TRY(wn__need_texts(name, "sets", options->sets, "set", options->set));
    return wn__need_count(name, "threads", options->threads);
}

wn_status wn__lab_open_alone(const wn_lab_options *options, const char *analysis, json_t *question, wn__lab *out)
{
    wn__lab lab = {.options = options, .analysis = analysis, .question = question};
    const wn_status status = question ? open_folder(&lab) : wn__no_memory(1024);
    if (status != WN_OK) {
        wn__lab_close(&lab);
        return status;
    }
    *out = lab;
    return WN_OK;
}

wn_status wn__lab_open(const wn_lab_options *options, const char *analysis, int least, int most, json_t *question, wn__lab *out)
{
    wn__lab lab = {.options = options, .analysis = analysis, .count = options->count, .question = question};
    wn_status status = WN_OK;
    if (options->count < least)
        status = wn__fail(WN_EUSAGE, "%s wants %d network%s or more, not %d", analysis, least, least == 1 ? "" : "s", options->count);
    if (options->count > most) status = wn__fail(WN_EUSAGE, "%s: %d networks are too many; at most %d", analysis, options->count, most);
    lab.network = status == WN_OK ? WN_NEW_ARRAY(wn__lab_network, options->count) : NULL;
    lab.units = json_object();
    if (status == WN_OK && (!lab.network || !lab.units || !question)) status = wn__no_memory(1024);
    if (status == WN_OK) status = open_all(&lab);
    if (status != WN_OK) {
        wn__lab_close(&lab);
        return status;
    }
    *out = lab;
    out->context.recipe = out->recipe;
    return WN_OK;
}

void wn__lab_close(wn__lab *lab)
{
    for (int i = 0; lab->network && i < lab->count; i++) {
        wn__free(lab->network[i].label);
        wn__free(lab->network[i].path);
        wn__params_release(&lab->network[i].params);
    }
    wn__free(lab->network);
    if (lab->recipe) wn__context_release(&lab->context);
    wn__recipe_free(lab->recipe);
    json_decref(lab->question);
    json_decref(lab->units);
    if (lab->journal.file && wn__append_close(&lab->journal) != WN_OK) wn__log(WN_LOG_DEBUG, "journal: %s", wn_error_message());
    if (lab->locked) wn__lock_release(&lab->lock);
    wn__free(lab->folder);
    *lab = (wn__lab){0};
}

/* --- networks ------------------------------------------------------------------------------------------------------------------ */

wn_status wn__lab_load(wn__lab *lab) { return wn__context_load(&lab->context); }

wn__loader_options wn__lab_loader(const wn__lab *lab) { return wn__context_loader(&lab->context, 0, true, 0); }

wn_status wn__lab_enter_basis(const char *path, wn__params *params)
{
    wn__safetensors *file;
    WN_TRY(wn__safetensors_open(path, &file));
    const wn_status status = wn__basis_enter_file(file, params);
    wn__safetensors_close(file);
    return status;
}

const wn__backend *wn__lab_backend(const wn__lab *lab, const wn__params *params)
{
    return wn__machine_backend(&lab->context.machine, wn__network_is_masked(params));
}

wn_status wn__lab_start(wn__lab *lab, wn__network *net)
{
    return wn__context_start(&lab->context, net, wn__lab_backend(lab, &net->params), (wn__dtype)lab->recipe->top.dtype);
}

wn_status wn__lab_union_network(wn__lab *lab, const wn__space *space, wn__network *out)
{
    WN_TRY(wn__network_make(lab->recipe->graph, out));
    WN_TRY(wn__space_mask(space, &out->params));
    return wn__lab_start(lab, out);
}

const char *wn__lab_short_label(const wn__lab *lab, int i, char *text, size_t size)
{
    const char *label = lab->network[i].label;
    const size_t length = strlen(label), most = 36;
    if (length <= most)
        snprintf(text, size, "%s", label);
    else
        snprintf(text, size, "...%s", label + length - most);
    return text;
}

/* --- answers ------------------------------------------------------------------------------------------------------------------- */

static wn_status write_text(const wn__lab *lab, const char *name, const wn__text *text)
{
    if (text->failed) return wn__no_memory(text->size);
    char *path = wn__path_join(lab->folder, name);
    const wn_status status = path ? wn__file_write(path, text->data ? text->data : "", text->size) : wn__no_memory(64);
    wn__free(path);
    return status;
}

static wn_status write_tables(const wn__lab *lab, const wn__lab_answer *answer, wn__text *all)
{
    for (int i = 0; i < answer->tables; i++) {
        char name[64];
        wn__text csv = {0};
        const wn__table *t = &answer->table[i];
        WN_TRY(wn__table_status(t));
        snprintf(name, sizeof name, "%s.csv", t->id);
        wn__table_csv(t, &csv);
        const wn_status status = write_text(lab, name, &csv);
        wn__text_release(&csv);
        WN_TRY(status);
        if (i > 0) wn__text_add(all, "\n");
        if (wn__table_rows(t) <= MOST_PRINTED_ROWS)
            wn__table_text(t, all);
        else
            wn__text_add(all, "%s: %d rows, in %s\n", t->title, wn__table_rows(t), name);
    }
    return write_text(lab, "tables.txt", all);
}

static wn_status draw(const wn__lab *lab, const wn__lab_answer *answer, wn_lab_result *out)
{
    if (lab->options->part) return WN_OK;
    const wn_status drawn = wn__figure_files_draw(&answer->figures, lab->folder);
    if (drawn == WN_EUNSUPPORTED)
        snprintf(out->note, sizeof out->note, "no figures: %s", wn_error_message());
    else if (drawn == WN_OK)
        out->figures = answer->figures.count;
    return drawn == WN_EUNSUPPORTED ? WN_OK : drawn;
}

static wn_status write_result(const wn__lab *lab, const wn__lab_answer *answer, int figures)
{
    json_t *json = json_object();
    char *path = wn__path_join(lab->folder, "result.json");
    wn_status status = json && path ? WN_OK : wn__no_memory(256);
    if (status == WN_OK) status = wn__slice_set(json, "question", json_incref(lab->question));
    if (status == WN_OK) status = wn__slice_set(json, "figures", json_integer(figures));
    if (status == WN_OK) status = wn__slice_set(json, "result", json_incref(answer->result));
    if (status == WN_OK) status = wn__json_save(path, json);
    json_decref(json);
    wn__free(path);
    return status;
}

static wn_status put_folder(const wn__lab *lab, wn_lab_result *result)
{
    if (snprintf(result->folder, sizeof result->folder, "%s", lab->folder) < (int)sizeof result->folder) return WN_OK;
    return wn__fail(WN_EINVAL, "%s: the path is too long", lab->folder);
}

wn_status wn__lab_finish(wn__lab *lab, wn__lab_answer *answer, wn_lab_result *out)
{
    wn_lab_result result = {0};
    wn__text text = {0};
    wn_status status = answer->result ? WN_OK : wn__no_memory(256);
    if (status == WN_OK) status = write_tables(lab, answer, &text);
    if (status == WN_OK) status = draw(lab, answer, &result);
    if (status == WN_OK) status = write_result(lab, answer, result.figures);
    if (status == WN_OK) status = put_folder(lab, &result);
    if (status == WN_OK) {
        result.text = text.data;
        *out = result;
    } else {
        wn__text_release(&text);
    }
    return status;
}

void wn__lab_answer_release(wn__lab_answer *answer)
{
    json_decref(answer->result);
    for (int i = 0; i < answer->tables; i++)
        wn__table_release(&answer->table[i]);
    wn__figure_files_release(&answer->figures);
    *answer = (wn__lab_answer){0};
}

wn_status wn__lab_repeat(const wn__lab *lab, wn_lab_result *out)
{
    wn_lab_result result = {0};
    size_t size;
    json_t *json = NULL;
    char *path = wn__path_join(lab->folder, "tables.txt"), *answer = wn__path_join(lab->folder, "result.json");
    wn_status status = path && answer ? wn__json_load(answer, &json) : wn__no_memory(64);
    result.figures = (int)json_integer_value(json_object_get(json, "figures"));
    if (status == WN_OK) status = wn__file_read(path, &result.text, &size);
    json_decref(json);
    wn__free(path);
    wn__free(answer);
    WN_TRY(status);
    status = put_folder(lab, &result);
    if (status == WN_OK)
        *out = result;
    else
        wn_lab_result_release(&result);
    return status;
}

void wn_lab_result_release(wn_lab_result *result)
{
    if (!result) return;
    wn__free(result->text);
    *result = (wn_lab_result){0};
}
