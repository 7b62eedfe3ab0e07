#include "plan/advice.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "nn/graph_nodes.h"
#include "recipe/claims.h"
#include "recipe/study_claims.h"

static void advise_batch(const wn__recipe *r)
{
    if (r->train.batch <= r->train_images) return;
    wn__log(WN_LOG_WARNING, "train.batch: %" PRId64 " is more than the %" PRId64 " training samples; every step takes all of them",
            r->train.batch, r->train_images);
}

/* ---- batch norm over one value */

/* Is a batch of n samples, or a part of it that goes through the network at once, one sample? */
static bool is_alone(const wn__recipe *r, int64_t n)
{
    const int64_t part = r->train.micro_batch > 0 && r->train.micro_batch < n ? r->train.micro_batch : n;
    return part == 1 || n % part == 1;
}

static const wn__node *find_flat_norm(const wn_graph *g)
{
    for (int i = 0; i < g->nodes; i++)
        if (wn__node_has(&g->node[i], WN__NODE_IS_NORM) && g->node[i].h * g->node[i].w == 1) return &g->node[i];
    return NULL;
}

static void advise_norms(const wn__recipe *r)
{
    const wn__node *norm = find_flat_norm(r->graph);
    const int64_t batch = r->train.batch < r->train_images ? r->train.batch : r->train_images;
    const int64_t rest = r->data.last_batch == WN__LAST_KEEP && batch > 0 ? r->train_images % batch : 0;
    if (!norm || batch < 1) return;
    if (is_alone(r, batch))
        wn__log(WN_LOG_WARNING,
                "%s: batch norm over one value: train.batch %" PRId64 ", micro_batch %" PRId64 " let a sample through alone", norm->name,
                batch, r->train.micro_batch);
    else if (rest > 0 && is_alone(r, rest))
        wn__log(WN_LOG_WARNING,
                "%s: batch norm over one value: the last batch of an epoch has a sample that goes through alone (%" PRId64
                " samples in batches of %" PRId64 "); data.last_batch: drop leaves it out",
                norm->name, r->train_images, batch);
}

/* ---- masks */

/* Of a mask that is pruned over all layers together: fewer weights than layers are left. */
static void advise_left(const wn__recipe *r, const wn__agenda_row *cell)
{
    const wn__row *row = &r->row[cell->row];
    if (cell->mask < 0 || cell->seed != r->seed[0] || !r->selections || row->mask.scope != WN__SCOPE_GLOBAL) return;
    if (row->mask.empty == WN__EMPTY_KEEP_ONE) return;
    const wn__selection *s = &r->selection[row->selection];
    const double left = (1 - cell->sparsity) * (double)s->weights;
    int layers = 0;
    for (int i = 0; i < s->count; i++)
        layers += s->selected[i];
    if (left >= layers) return;
    char shown[32];
    wn__log(WN_LOG_WARNING, "%s %s: about %.0f of %" PRId64 " weights are left for %d layers; some lose all of theirs", row->name,
            wn__show_sparsity(cell->sparsity, shown, sizeof shown), left, s->weights, layers);
}

/* Masks that change once or never although the row says that they do, again and again. */
static void advise_updates(const wn__recipe *r, const wn__stage *stage)
{
    const wn__train_spec *t = &stage->train.spec;
    if (stage->kind != WN__STAGE_TRAIN || stage->seed != r->seed[0] || t->last == t->first) return;
    const bool rewires = t->rewires && t->rewiring.rule.grow != WN__GROW_NONE, prunes = t->gradual.last.sparsity > 0;
    int64_t updates = rewires ? wn__rewiring_updates(&t->rewiring, t->first, t->last) : 0;
    for (int64_t step = t->first; prunes && step < t->last; step++)
        updates += wn__gradual_is_due(&t->gradual.when, step);
    if ((!rewires && !prunes) || updates > rewires) return;
    wn__log(WN_LOG_WARNING, "%s: its mask changes %s in %" PRId64 " steps: the interval between updates is longer", stage->label,
            updates ? "once" : "never", t->last - t->first);
}

/* ---- claims */

static void advise_claims(const wn__recipe *r)
{
    for (int i = 0; i < r->report.claims; i++) {
        wn__claim claim;
        const char *text = r->report.claim[i];
        if (wn__claim_is_of_study(text) || wn__claim_parse(text, &claim) != WN_OK) continue;
        const char *missing = !wn__recipe_compares(r, claim.method) ? claim.method
                              : !wn__recipe_compares(r, claim.than) ? claim.than
                                                                    : NULL;
        if (missing)
            wn__log(WN_LOG_WARNING, "report.claims: \"%s\": %s is not among compare.methods, so nothing will answer it", text, missing);
    }
}

/* ---- soft labels */

static void tell_soft_weight(const wn__recipe *r, const wn__row *row, const wn__loss *loss)
{
    const int64_t outputs = wn__graph_classes(r->graph);
    const bool mean = loss->reduction == WN__KL_MEAN;
    wn__log(WN_LOG_INFO, "%s: soft labels weigh %.4g beside %.4g of hard ones: alpha %.4g, T %.4g, kl: %s", row->name,
            wn__loss_soft_weight(loss, wn__recipe_targets(r), outputs), 1 - loss->alpha, loss->alpha, loss->temperature,
            mean ? "mean (over classes too)" : "batchmean");
}

static void advise_labels(const wn__agenda *plan)
{
    int told = -1; /* the row: its cells stand together */
    for (int i = 0; i < plan->rows; i++) {
        const wn__agenda_row *cell = &plan->row[i];
        const wn__loss *loss = &plan->stage[cell->train].train.spec.loss;
        if (!loss->soft || cell->row == told || cell->seed != plan->recipe->seed[0]) continue;
        tell_soft_weight(plan->recipe, &plan->recipe->row[cell->row], loss);
        told = cell->row;
    }
}

void wn__agenda_advise(const wn__agenda *plan)
{
    const wn__recipe *r = plan->recipe;
    advise_batch(r);
    advise_norms(r);
    for (int i = 0; i < plan->rows; i++)
        advise_left(r, &plan->row[i]);
    for (int i = 0; i < plan->stages && r->seeds > 0; i++)
        advise_updates(r, &plan->stage[i]);
    advise_claims(r);
    advise_labels(plan);
}
