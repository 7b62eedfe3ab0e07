/* Networks that were trained elsewhere: the section model's weights in place of the dense run. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "network/misfit.h"
#include "network/weights_file.h"
#include "plan/agenda_parts.h"

/* ---- digests */

enum { MOST_DIGESTS = 32 };

struct wn__digests {
    struct {
        const char *path, *names;
        char digest[WN__SHA256_TEXT];
    } file[MOST_DIGESTS];
    int count;
};

wn_status wn__agenda_digest(const wn__agenda *plan, const char *path, const char *names, char digest[WN__SHA256_TEXT])
{
    struct wn__digests *d = plan->digests;
    if (!d) return wn__weights_digest(path, names, digest);
    for (int i = 0; i < d->count; i++)
        if (strcmp(d->file[i].path, path) == 0 && strcmp(d->file[i].names, names) == 0) {
            memcpy(digest, d->file[i].digest, WN__SHA256_TEXT);
            return WN_OK;
        }
    WN_TRY(wn__weights_digest(path, names, digest));
    if (d->count == MOST_DIGESTS) return WN_OK;
    d->file[d->count].path = path; /* texts of the recipe */
    d->file[d->count].names = names;
    memcpy(d->file[d->count++].digest, digest, WN__SHA256_TEXT);
    return WN_OK;
}

void wn__agenda_free_digests(wn__agenda *plan) { wn__free(plan->digests); }

/* ---- the section's files */

static bool is_same(const char *file, const char *own) { return own[0] && strcmp(file, own) == 0; }

const char *wn__start_names(const wn__recipe *r, const char *file)
{
    return is_same(file, r->model.weights) || is_same(file, r->model.rewind_file) ? r->model.names : "";
}

bool wn__start_has_new_head(const wn__agenda *plan, const char *file)
{
    return plan->new_head && is_same(file, plan->recipe->model.weights);
}

bool wn__agenda_has_dense_file(const wn__agenda *plan) { return plan->recipe->model.weights[0] && !plan->trains_dense; }

/* ---- shapes and names */

static wn_status check_file(const wn__recipe *r, const char *path, bool *new_head)
{
    wn__safetensors *file;
    WN_TRY(wn__weights_open(path, r->model.names, &file));
    const wn_status status = wn__weights_fit(path, file, r->graph, new_head);
    wn__safetensors_close(file);
    return status;
}

static wn_status check_weights(wn__agenda *plan)
{
    const wn__recipe *r = plan->recipe;
    const wn__node *head = &r->graph->node[r->graph->output];
    const bool any_head = r->model.classes == WN__CLASSES_OF_DATA;
    WN_TRY(check_file(r, r->model.weights, any_head ? &plan->new_head : NULL));
    if (!plan->new_head) return WN_OK;
    plan->trains_dense = true;
    wn__log(WN_LOG_INFO, "%s: the last layer, %s, is for other classes: it is drawn anew, and the dense network is trained from there",
            r->model.weights, head->name);
    return WN_OK;
}

/* Of a file that the row or the dense row names, both cannot be. */
static wn_status check_rows(const wn__recipe *r)
{
    const wn__row *dense = wn__recipe_row(r, "dense");
    if (!dense->start_file[0]) return WN_OK;
    return wn__fault_at(dense->node ? dense->node : r->compare_node,
                        "methods.dense: ", wn__fail(WN_EUSAGE, "starts from a file, and model.weights is there, too"));
}

static wn_status check_all(wn__agenda *plan)
{
    const wn__recipe *r = plan->recipe;
    WN_TRY(check_rows(r));
    wn_status status = check_weights(plan);
    if (status == WN_OK && r->model.rewind_file[0]) status = check_file(r, r->model.rewind_file, NULL);
    if (status != WN_EMISMATCH || r->model.classes == WN__CLASSES_OF_DATA) return status;
    char why[1536];
    bool new_head;
    snprintf(why, sizeof why, "%s", wn_error_message());
    if (check_file(r, r->model.weights, &new_head) != WN_OK) return wn__fail(status, "%s", why);
    return wn__fail(status, "%s; a last layer of other classes is drawn anew with model.classes: from-data", why);
}

wn_status wn__agenda_check_weights(wn__agenda *plan)
{
    const wn__recipe *r = plan->recipe;
    plan->digests = WN_NEW(struct wn__digests); /* without memory for it files are read again */
    const wn__yaml_node *model = r->doc ? wn__yaml_find(wn__yaml_root(r->doc), "model") : NULL;
    if (!r->model.weights[0]) return WN_OK;
    const wn_status status = check_all(plan);
    if (status == WN_OK || !model) return status;
    return status == WN_EMISMATCH || status == WN_ENOTFOUND ? wn__fault_at(model, "model.weights: ", status) : status;
}

/* ---- rows with a start_file */

static const char *start_file_of(const wn__stage *stage)
{
    return stage->kind == WN__STAGE_TRAIN ? stage->train.start_file : stage->kind == WN__STAGE_MASK ? stage->mask.start_file : NULL;
}

static const wn__small_network *network_of(const wn__stage *stage)
{
    return stage->kind == WN__STAGE_TRAIN ? &stage->train.small : &stage->mask.network;
}

/* Texts of the recipe: one file has one address, but for files that several rows name. */
static bool was_checked(const wn__agenda *plan, int index, const char *file)
{
    if (network_of(&plan->stage[index])->config) return false;
    for (int i = 0; i < index; i++)
        if (start_file_of(&plan->stage[i]) == file) return true;
    return false;
}

static wn_status check_start(const wn__recipe *r, const wn__stage *stage, const char *path)
{
    wn__safetensors *file;
    wn__stage_network network;
    WN_TRY(wn__weights_open(path, "", &file));
    wn_status status = wn__stage_network_open(r, network_of(stage), &network);
    if (status == WN_OK) {
        status = wn__weights_fit(path, file, network.graph, NULL);
        wn__stage_network_close(&network);
    }
    wn__safetensors_close(file);
    return status;
}

wn_status wn__agenda_check_starts(const wn__agenda *plan)
{
    const wn__recipe *r = plan->recipe;
    for (int i = 0; i < plan->stages; i++) {
        const char *file = start_file_of(&plan->stage[i]);
        if (!file || !file[0] || is_same(file, r->model.weights) || is_same(file, r->model.rewind_file) || was_checked(plan, i, file))
            continue;
        const wn_status status = check_start(r, &plan->stage[i], file);
        if (status != WN_OK) return wn__fail_within(status, "%s: start_file: ", plan->stage[i].label);
    }
    return WN_OK;
}

/* ---- rows of a network that was trained elsewhere */

static bool becomes_sparse(int mask)
{
    return mask == WN__MASK_GRADUAL || mask == WN__MASK_LEARNED || mask == WN__MASK_ALTERNATING || mask == WN__MASK_N_OF_M;
}

/* At one step only: the file has no other. */
static wn_status rewind_to_file(wn__agenda *plan, const wn__row *row, int64_t rewind, wn__train_plan *t)
{
    const wn__recipe *r = plan->recipe;
    if (plan->rewinds > 0 && plan->rewind_step != rewind)
        return wn__fail(WN_EUSAGE, "%s: rewinds to step %lld, another row to step %lld; model.rewind_file has the weights of one step",
                        row->name, (long long)rewind, (long long)plan->rewind_step);
    if (row->axes.optimizer_state == WN__SLOTS_REWOUND)
        return wn__fail(WN_EUSAGE, "%s: optimizer_state: rewound: model.rewind_file has weights alone", row->name);
    plan->rewinds++;
    plan->rewind_step = rewind;
    t->start = WN__START_FINAL;
    t->start_file = r->model.rewind_file;
    return WN_OK;
}

wn_status wn__agenda_start_elsewhere(wn__agenda *plan, const wn__row *row, int64_t rewind, wn__train_plan *t)
{
    const wn__recipe *r = plan->recipe;
    const bool of_dense = (row->axes.mask == WN__MASK_PRUNED || row->axes.mask == WN__MASK_RANDOM) && !row->mask.of[0];
    if (t->start != WN__START_INITIAL && t->start != WN__START_REWOUND) return WN_OK;
    if (t->start == WN__START_INITIAL && becomes_sparse(row->axes.mask)) {
        t->start = WN__START_FINAL;
        t->start_file = r->model.weights;
        return WN_OK;
    }
    if (t->start == WN__START_INITIAL && !of_dense) return WN_OK; /* drawn, as without that network */
    if (row->mask.of[0]) return WN_OK;
    if (r->model.rewind_file[0]) return rewind_to_file(plan, row, rewind, t);
    const wn_status status =
        wn__fail(WN_EUSAGE,
                 "rewinds to step %lld of the dense run, which did not happen here: model.weights is a trained network; "
                 "give its weights at that step as model.rewind_file, or leave the row out",
                 (long long)rewind);
    char prefix[256];
    snprintf(prefix, sizeof prefix, "%s: ", row->name);
    return wn__fault_at(row->node ? row->node : r->compare_node, prefix, status);
}
