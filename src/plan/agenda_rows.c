/* The stages of each row of the comparison, and those that they need. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/locale.h"
#include "base/log.h"
#include "network/masks_file.h"
#include "plan/agenda_parts.h"
#include "plan/teacher.h"
#include "recipe/drawn.h"

/* ---- training */

/* What one training stage is for. */
typedef struct request {
    const wn__row *row; /* never NULL */
    const wn__method_axes *axes;
    uint64_t seed;
    int mask;          /* stage or -1 */
    double gradual_to; /* sparsity that is reached while training; 0: none is made */
    bool thins;        /* dense weights become sparse otherwise, down to */
    double thin_to;
    int source;                     /* whose final weights were pruned; -1: the dense run */
    const char *what;               /* its label without the seed */
    const wn__small_network *small; /* NULL: the recipe's network */
    bool third;                     /* on a world's third sample */
} request;

static wn_status dense_stage(wn__agenda *plan, uint64_t seed, int *index);
static wn_status origin_stage(wn__agenda *plan, const wn__row *row, uint64_t seed, double sparsity, int *index);

static bool has_pruned_mask(const wn__row *row) { return row->axes.mask == WN__MASK_PRUNED || row->axes.mask == WN__MASK_RANDOM; }

/* What masks, rewound weights and teachers come from. */
static const wn__row *dense_row(const wn__recipe *r) { return wn__recipe_row(r, "dense"); }

/* Start weights of a replicate are those of its dense network, so a row may start from that one's file. "": they are drawn. */
static const char *start_file_of(const wn__agenda *plan, const wn__row *row)
{
    const wn__recipe *r = plan->recipe;
    if (row->start_file[0]) return row->start_file;
    return plan->trains_dense && r->model.weights[0] ? r->model.weights : dense_row(r)->start_file;
}

/* A time of the dense run, or its last learning rate, is said in the recipe's steps and schedule: its row must have kept these. */
static wn_status check_dense_times(const wn__recipe *r, const request *q, const wn__method_span *span)
{
    const wn__row *dense = dense_row(r);
    const bool asks =
        span->rewind > 0 || span->first > 0 || q->axes->schedule == WN__RATE_CONSTANT || q->axes->data_order == WN__ORDER_CONTINUE;
    wn__method_span whole;
    char prefix[256];
    if (!asks || q->row == dense) return WN_OK;
    WN_TRY(wn__method_span_of(&dense->axes, r->clock.steps_per_epoch, r->clock.total, &whole));
    if (dense->stretch == 1 && dense->axes.schedule != WN__RATE_CONSTANT && whole.first == 0 && whole.last == r->clock.total) return WN_OK;
    snprintf(prefix, sizeof prefix, "%s: ", q->row->name);
    const wn_status status =
        wn__fail(WN_EUSAGE, "goes back to a time of the dense run, goes on from its end, or has its last learning rate; but "
                            "methods.dense has a length or schedule of its own (stretch, retrain, schedule)");
    return wn__fault_at(q->row->node ? q->row->node : r->compare_node, prefix, status);
}

/* Whose weights the row starts from: what was pruned, or for rewound ones the dense run, or the row that the mask is of. */
static wn_status start_stage_of(wn__agenda *plan, const request *q, bool rewound, int *index)
{
    const bool of = has_pruned_mask(q->row) && q->row->mask.of[0];
    if (q->source < 0 && of) return origin_stage(plan, q->row, q->seed, 0, index);
    if (q->source < 0 || (rewound && !of)) return dense_stage(plan, q->seed, index);
    *index = q->source;
    return WN_OK;
}

static wn_status set_start(wn__agenda *plan, const request *q, const wn__method_span *span, wn__train_plan *t)
{
    t->start = q->axes->start;
    t->start_file = q->row->start_file;
    t->reinit = q->axes->reinit;
    t->redraw = q->axes->redraw;
    t->init = q->axes->init;
    t->init_gain = q->axes->init_gain;
    if (t->start == WN__START_REWOUND && span->rewind == 0) t->start = WN__START_INITIAL;
    if (q->row == dense_row(plan->recipe) && wn__agenda_has_dense_file(plan)) {
        t->start_file = plan->recipe->model.weights;
    } else if (!t->start_file[0] && !q->small && wn__agenda_has_dense_file(plan)) {
        WN_TRY(wn__agenda_start_elsewhere(plan, q->row, span->rewind, t));
    }
    if (t->start == WN__START_INITIAL && !t->start_file[0] && t->init == WN__SPARSE_INIT_NONE && !q->small)
        t->start_file = start_file_of(plan, q->row);
    if (t->start_file[0]) t->start = WN__START_FINAL;
    if (t->start_file[0] || t->start == WN__START_INITIAL || t->start == WN__START_REDRAWN) return WN_OK;
    WN_TRY(start_stage_of(plan, q, t->start == WN__START_REWOUND, &t->start_stage));
    if (t->start == WN__START_FINAL) return WN_OK;
    const wn__stage *from = &plan->stage[t->start_stage];
    if (span->rewind < from->train.spec.first || span->rewind > from->train.spec.last)
        return wn__fail(WN_EUSAGE, "%s: rewind: step %lld is none of \"%s\", which trains from step %lld to %lld", q->row->name,
                        (long long)span->rewind, from->label, (long long)from->train.spec.first, (long long)from->train.spec.last);
    t->start_step = span->rewind;
    t->spec.keep_slots = q->axes->optimizer_state == WN__SLOTS_REWOUND;
    if (t->spec.keep_slots) t->spec.slots_updates = t->start_step;
    return wn__agenda_keep_point(plan, t->start_stage, t->start_step);
}

static wn_status set_backend(const wn__agenda *plan, const request *q, wn__train_plan *t)
{
    wn__machine own;
    if (!q->row->backend[0]) return WN_OK;
    const wn_status status = wn__machine_choose(q->row->backend, (wn__dtype)plan->recipe->top.dtype, plan->machine.threads, &own);
    if (status != WN_OK) return wn__fault_at(wn__yaml_find(q->row->node, "backend"), "", status);
    t->backend = wn__machine_backend(&own, q->mask >= 0 && !t->coefficients);
    return WN_OK;
}

/* Rounds of a chain by other rules than the row's are as long as the dense run. */
static double stretch_of(const request *q) { return q->axes == &q->row->axes ? q->row->stretch : 1; }

static int64_t stretched(int64_t step, double stretch) { return (int64_t)floor((double)step * stretch + 0.5); }

static wn_status set_labels(wn__agenda *plan, const request *q, wn__train_plan *t)
{
    const wn__recipe *r = plan->recipe;
    const wn__loss hard = {.hard = r->train.loss, .config = r->train.loss_config, .smoothing = r->train.smoothing, .temperature = 1};
    t->spec.loss = hard;
    t->spec.soft_until = INT64_MAX;
    if (q->axes->labels == WN__LABELS_SMOOTH) t->spec.loss.smoothing = q->row->labels.epsilon;
    if (q->axes->labels != WN__LABELS_SOFT) return WN_OK;
    const wn__steps until = q->row->labels.until;
    if (until.unit) t->spec.soft_until = stretched(wn__steps_resolve(until, r->clock.steps_per_epoch, r->clock.total), t->stretch);
    if (t->spec.soft_until <= t->spec.first) return WN_OK; /* never soft */
    if (t->spec.soft_until >= t->spec.last) t->spec.soft_until = INT64_MAX;
    t->spec.loss = q->row->labels.soft;
    t->spec.loss.soft = true;
    t->spec.loss.hard = hard.hard;
    t->spec.loss.config = hard.config;
    t->spec.loss.smoothing = hard.smoothing;
    t->teacher.flops = wn_graph_forward_flops(r->graph);
    t->teacher.dtype = (wn__dtype)q->row->teacher.dtype;
    t->cache_mode = q->row->teacher.cache;
    if (q->row->teacher.files.count == 0) return dense_stage(plan, q->seed, &t->teacher.stage);
    t->teacher.files = &q->row->teacher.files;
    return wn__teacher_flops(r, t->teacher.files, &t->teacher.flops);
}

static wn__schedule stretched_schedule(const wn__schedule *s, double stretch)
{
    wn__schedule longer = *s;
    longer.length = stretched(s->length, stretch);
    longer.warm_up = stretched(s->warm_up, stretch);
    longer.period = stretched(s->period, stretch);
    longer.peak = stretched(s->peak, stretch);
    for (int i = 0; i < s->milestones; i++)
        longer.milestone[i] = stretched(s->milestone[i], stretch);
    return longer;
}

/* Dense weights that become sparse while they train. Phases keep their lengths in a longer training. */
static wn_status set_thinning(const wn__recipe *r, const request *q, double stretch, wn__train_plan *t)
{
    const wn__mask_section *m = &q->row->mask;
    static const int kinds[] = {
        [WN__MASK_LEARNED] = WN__THIN_THRESHOLD, [WN__MASK_ALTERNATING] = WN__THIN_ALTERNATING, [WN__MASK_N_OF_M] = WN__THIN_N_OF_M};
    t->section = m;
    t->spec.thinning = (wn__thinning){
        .kind = kinds[q->axes->mask], .threshold = m->threshold, .n_of_m = m->n_of_m, .last = wn__mask_section_prune(m, q->thin_to)};
    if (t->spec.thinning.kind != WN__THIN_ALTERNATING) return WN_OK;
    wn__alternation *phases = &t->spec.thinning.alternation;
    WN_TRY(wn__alternation_resolve(&m->alternating, r->clock.steps_per_epoch, r->clock.total, phases));
    phases->begin = stretched(phases->begin, stretch);
    phases->last_dense = stretched(phases->last_dense, stretch);
    phases->final = stretched(phases->final, stretch);
    return WN_OK;
}

/* When the mask changes. Intervals stay: a longer training makes more updates. */
static wn_status set_mask_changes(const wn__recipe *r, const request *q, double stretch, wn__train_plan *t)
{
    const int64_t per = r->clock.steps_per_epoch, total = r->clock.total;
    t->section = q->gradual_to > 0 ? &q->row->mask : NULL;
    if (t->section) t->spec.gradual.last = wn__mask_section_prune(t->section, q->gradual_to);
    const bool masked = q->mask >= 0 || q->gradual_to > 0 || (q->thins && q->axes->mask == WN__MASK_ALTERNATING);
    t->coefficients = masked && wn__basis_maps(q->row->mask.basis.kind) ? &q->row->mask : NULL;
    t->spec.rewires = q->mask >= 0 && q->axes->topology.grow != WN__GROW_NONE;
    if (t->section) WN_TRY(wn__gradual_resolve(&t->section->gradual, per, total, &t->spec.gradual.when));
    if (t->spec.rewires) WN_TRY(wn__rewiring_resolve(&q->axes->topology, per, total, &t->spec.rewiring));
    t->spec.rewiring.block = wn__mask_is_drawn(q->axes->mask) ? q->row->mask.block : WN__BLOCK_WEIGHT;
    t->spec.gradual.when.begin = stretched(t->spec.gradual.when.begin, stretch);
    t->spec.gradual.when.end = stretched(t->spec.gradual.when.end, stretch);
    t->spec.rewiring.begin = stretched(t->spec.rewiring.begin, stretch);
    t->spec.rewiring.end = stretched(t->spec.rewiring.end, stretch);
    t->spec.rewiring.half = stretched(t->spec.rewiring.half, stretch);
    return q->thins ? set_thinning(r, q, stretch, t) : WN_OK;
}

/* A weight that grows, or whose threshold is learned, cannot stay as it is. */
static wn_status check_frozen(const wn__recipe *r, const wn__row *row, const wn__train_plan *t)
{
    const int thins = t->spec.thinning.kind;
    char prefix[256];
    if (r->train.freezes == 0 || (!t->spec.rewires && thins != WN__THIN_THRESHOLD && thins != WN__THIN_N_OF_M)) return WN_OK;
    snprintf(prefix, sizeof prefix, "%s: ", row->name);
    return wn__fault_at(row->node ? row->node : r->compare_node, prefix,
                        wn__fail(WN_EUSAGE, "train.freeze: this method changes its weights' places or thresholds while it trains"));
}

static wn_status train_stage(wn__agenda *plan, const request *q, int *index)
{
    const wn__recipe *r = plan->recipe;
    const double stretch = stretch_of(q);
    const int64_t total = stretched(r->clock.total, stretch);
    /* The dense run's stream is that of its row. */
    const wn__method_axes *stream = q->axes->data_order == WN__ORDER_NEW ? q->axes : &dense_row(r)->axes;
    wn__method_span span;
    WN_TRY(wn__method_span_of(q->axes, r->clock.steps_per_epoch, total, &span));
    WN_TRY(check_dense_times(r, q, &span));
    if (q->row == dense_row(r) && wn__agenda_has_dense_file(plan)) span.first = span.last = total; /* it is trained already */
    wn__stage draft = {.kind = WN__STAGE_TRAIN, .seed = q->seed};
    wn__train_plan *t = &draft.train;
    *t = (wn__train_plan){.start_stage = -1,
                          .mask = q->mask,
                          .dense_stream = stream->data_order != WN__ORDER_NEW,
                          .order = stream->order,
                          .third = q->third,
                          .spec = {.first = span.first,
                                   .last = span.last,
                                   .data_offset = q->axes->data_order == WN__ORDER_CONTINUE ? r->clock.total - span.first : 0,
                                   .freezing = {r->train.freeze, r->train.freezes},
                                   .schedule = stretched_schedule(&r->schedule, stretch),
                                   .average = r->train.average},
                          .stretch = stretch,
                          .teacher = {.stage = -1},
                          .cache = -1};
    if (q->axes->schedule == WN__RATE_CONSTANT)
        t->spec.schedule = (wn__schedule){
            .kind = WN__SCHEDULE_CONSTANT, .base = wn__schedule_rate(&t->spec.schedule, total - 1), .length = total, .every = 1};
    WN_TRY(set_mask_changes(r, q, stretch, t));
    WN_TRY(check_frozen(r, q->row, t));
    WN_TRY(set_start(plan, q, &span, t));
    WN_TRY(set_labels(plan, q, t));
    WN_TRY(set_backend(plan, q, t));
    WN_TRY(wn__stage_add_parent(&draft, t->start_stage));
    WN_TRY(wn__stage_add_parent(&draft, t->mask));
    WN_TRY(wn__stage_add_parent(&draft, t->teacher.stage));
    wn__agenda_set_world(plan, &draft);
    if (q->small) WN_TRY(wn__small_network_copy(r, q->small, &t->small)); /* last: add_stage takes it over */
    return wn__agenda_add_stage(plan, &draft, q->what, index);
}

static wn_status dense_run(wn__agenda *plan, uint64_t seed, bool third, int *index)
{
    const wn__row *row = dense_row(plan->recipe);
    const request q = {.row = row,
                       .axes = &row->axes,
                       .seed = seed,
                       .mask = -1,
                       .source = -1,
                       .what = third ? "dense third sample" : "dense",
                       .third = third};
    return train_stage(plan, &q, index);
}

static wn_status dense_stage(wn__agenda *plan, uint64_t seed, int *index)
{
    return dense_run(plan, seed, wn__agenda_shares_origin(plan->recipe), index);
}

/* ---- masks */

/* Of the row whose result is pruned in place of the dense run's; -1: the dense run's. */
static int origin_of(const wn__recipe *r, const wn__mask_section *section)
{
    return section->of[0] ? (int)(wn__recipe_row(r, section->of) - r->row) : -1;
}

static wn_status mask_stage(wn__agenda *plan, const wn__mask_section *section, uint64_t seed, int source, double sparsity, const char *what,
                            int *index)
{
    const int of = origin_of(plan->recipe, section);
    wn__stage draft = {.kind = WN__STAGE_MASK, .seed = seed};
    draft.mask = (wn__mask_plan){.section = *section, .source = section->file[0] ? -1 : source, .shuffle_of = -1, .sparsity = sparsity};
    draft.mask.taken = of >= 0 && plan->recipe->row[of].axes.mask != WN__MASK_NONE;
    WN_TRY(wn__stage_add_parent(&draft, draft.mask.source));
    wn__agenda_set_mask_world(plan, &draft);
    return wn__agenda_add_stage(plan, &draft, what, index);
}

/* Random connections, drawn before any training. */
static wn_status drawn_stage(wn__agenda *plan, const wn__mask_section *section, const wn__small_network *network, uint64_t seed,
                             double sparsity, int *index)
{
    char shown[32], what[128];
    wn__stage draft = {.kind = WN__STAGE_MASK, .seed = seed};
    draft.mask = (wn__mask_plan){.section = *section, .source = -1, .shuffle_of = -1, .drawn = true, .sparsity = sparsity};
    wn__show_sparsity(sparsity, shown, sizeof shown);
    snprintf(what, sizeof what, "drawn %smask %s %s", network->config ? "wide " : "", wn__distribution_names[section->distribution], shown);
    WN_TRY(wn__small_network_copy(plan->recipe, network, &draft.mask.network)); /* last: add_stage takes it over */
    return wn__agenda_add_stage(plan, &draft, what, index);
}

/* By a score of the start weights. */
static wn_status initial_stage(wn__agenda *plan, const wn__row *row, uint64_t seed, double sparsity, int *index)
{
    char shown[32], what[128];
    wn__stage draft = {.kind = WN__STAGE_MASK, .seed = seed};
    draft.mask = (wn__mask_plan){.section = row->mask,
                                 .source = -1,
                                 .shuffle_of = -1,
                                 .initial = true,
                                 .start_file = start_file_of(plan, row),
                                 .sparsity = sparsity};
    wn__show_sparsity(sparsity, shown, sizeof shown);
    snprintf(what, sizeof what, "%s mask at the start %s", wn__saliency_names[row->mask.scoring.score], shown);
    wn__agenda_set_mask_world(plan, &draft);
    return wn__agenda_add_stage(plan, &draft, what, index);
}

static wn_status shuffle_stage(wn__agenda *plan, const wn__mask_section *section, uint64_t seed, const char *what, int *mask)
{
    wn__stage draft = {.kind = WN__STAGE_MASK, .seed = seed};
    draft.mask = (wn__mask_plan){.section = *section, .source = -1, .shuffle_of = *mask, .sparsity = plan->stage[*mask].mask.sparsity};
    WN_TRY(wn__stage_add_parent(&draft, *mask));
    wn__agenda_set_mask_world(plan, &draft);
    return wn__agenda_add_stage(plan, &draft, what, mask);
}

/* How many prunings, and the sparsity after each: ten digits, so that chains meet where they are the same. */
static int round_count(const wn__mask_section *m, double sparsity)
{
    if (m->file[0]) return 1;
    if (m->rate <= 0) return (int)m->rounds;
    int rounds = 1;
    while (wn__rate_sparsity(m->rate, rounds) < sparsity - 1e-9 && rounds < WN__MOST_ROUNDS)
        rounds++;
    return rounds;
}

static double sparsity_after(const wn__mask_section *m, double sparsity, int rounds, int round)
{
    double s = sparsity;
    if (round < rounds) s = m->rate > 0 ? wn__rate_sparsity(m->rate, round) : wn__round_sparsity(sparsity, rounds, round);
    char text[40];
    wn__snprintf(text, sizeof text, "%.10g", s);
    return wn__strtod(text, NULL);
}

static wn_status row_stages(wn__agenda *plan, int row_index, double sparsity, uint64_t seed, wn__agenda_row *out);

/* The training whose result is pruned first: the dense run, or another row's. */
static wn_status origin_stage(wn__agenda *plan, const wn__row *row, uint64_t seed, double sparsity, int *index)
{
    const wn__recipe *r = plan->recipe;
    const int of = origin_of(r, &row->mask);
    wn__agenda_row other;
    if (of < 0) return dense_stage(plan, seed, index);
    WN_TRY(row_stages(plan, of, r->row[of].axes.mask == WN__MASK_NONE ? 0 : sparsity, seed, &other));
    *index = other.train;
    return WN_OK;
}

/* Prune, retrain, prune ...; *mask = the last mask, *source = the stage whose weights it was made from; -1: it's from a file. */
static wn_status mask_chain(wn__agenda *plan, const wn__row *row, uint64_t seed, double sparsity, int *mask, int *source, int *rounds)
{
    const wn__mask_section *m = &row->mask;
    const wn__method_axes shared = {.mask = WN__MASK_PRUNED, .start = WN__START_REWOUND, .schedule = WN__RATE_REWOUND, .rewind = m->rewind};
    const bool own = m->inner == WN__INNER_OWN;
    const int count = round_count(m, sparsity);
    const char *of = m->of[0] ? " of " : "";
    char shown[32], what[640];
    if (!m->file[0]) WN_TRY(origin_stage(plan, row, seed, sparsity, source));
    for (int round = 1; round <= count; round++) {
        const double s = sparsity_after(m, sparsity, count, round);
        wn__show_sparsity(s, shown, sizeof shown);
        snprintf(what, sizeof what, "mask%s%s %s", of, m->of, m->file[0] ? m->file : shown);
        WN_TRY(mask_stage(plan, m, seed, *source, s, what, mask));
        if (round == count) break;
        snprintf(what, sizeof what, "%s %s round %d", own ? row->name : "inner", shown, round);
        const request q = {.row = row,
                           .axes = own ? &row->axes : &shared,
                           .seed = seed,
                           .mask = *mask,
                           .source = *source,
                           .what = what,
                           .third = wn__agenda_shares_origin(plan->recipe)};
        WN_TRY(train_stage(plan, &q, source));
    }
    *rounds = count;
    if (row->axes.mask != WN__MASK_RANDOM) return WN_OK;
    snprintf(what, sizeof what, "random mask%s%s %s", of, m->of, shown);
    return shuffle_stage(plan, m, seed, what, mask);
}

/* ---- rows */

static bool is_compared(const wn__recipe *r, int row)
{
    for (int i = 0; i < r->methods; i++)
        if (r->compared[i] == row) return true;
    return false;
}

/* Of a stage's weights, or those of a file; of neither there is nothing to know. A row that others only come from shows no results. */
static wn_status evaluate_stage(wn__agenda *plan, int source, const char *file, wn__agenda_row *row)
{
    char shown[32], what[64];
    wn__stage draft = {.kind = WN__STAGE_EVALUATE, .seed = row->seed};
    if ((source < 0 && !file[0]) || !is_compared(plan->recipe, row->row)) return WN_OK;
    draft.evaluate = (wn__evaluate_plan){source, row->mask, file};
    snprintf(what, sizeof what, "pruned %s", wn__show_sparsity(row->sparsity, shown, sizeof shown));
    WN_TRY(wn__stage_add_parent(&draft, source));
    WN_TRY(wn__stage_add_parent(&draft, row->mask));
    return wn__agenda_add_stage(plan, &draft, what, &row->evaluate);
}

/* What a mask from a file prunes are the row's own start weights. Those that were never trained say nothing. */
static wn_status evaluate_start(wn__agenda *plan, wn__agenda_row *row)
{
    const wn__train_plan *t = &plan->stage[row->train].train;
    return evaluate_stage(plan, t->start == WN__START_FINAL ? t->start_stage : -1, t->start_file, row);
}

/* The mask at initialisation, or that one shuffled. */
static wn_status mask_at_init(wn__agenda *plan, const wn__row *row, uint64_t seed, double sparsity, int *mask)
{
    char shown[32], what[128];
    WN_TRY(initial_stage(plan, row, seed, sparsity, mask));
    if (row->axes.mask == WN__MASK_AT_INIT) return WN_OK;
    wn__show_sparsity(sparsity, shown, sizeof shown);
    snprintf(what, sizeof what, "random %s mask %s", wn__saliency_names[row->mask.scoring.score], shown);
    return shuffle_stage(plan, &row->mask, seed, what, mask);
}

/* Masks within groups: their sizes say the sparsity. */
static bool is_n_of_m(const wn__row *row)
{
    const bool masked = row->axes.mask != WN__MASK_NONE && row->axes.mask != WN__MASK_SMALL && !wn__mask_is_drawn(row->axes.mask);
    return row->axes.mask == WN__MASK_N_OF_M || (masked && row->mask.scope == WN__SCOPE_N_OF_M);
}

static bool is_at_init(const wn__row *row) { return row->axes.mask == WN__MASK_AT_INIT || row->axes.mask == WN__MASK_AT_INIT_RANDOM; }
/* A drawn mask, a network as large as one with it, or a mask with as many entries in each layer. */
static bool spreads(const wn__row *row)
{
    if (wn__mask_is_drawn(row->axes.mask) || row->axes.mask == WN__MASK_SMALL) return true;
    return (has_pruned_mask(row) || is_at_init(row) || row->axes.mask == WN__MASK_GRADUAL || row->axes.mask == WN__MASK_ALTERNATING) &&
           row->mask.scope == WN__SCOPE_DISTRIBUTION;
}

/* The network of a row's cell; config NULL: the recipe's. */
static wn_status find_network(const wn__recipe *r, const wn__row *row, double sparsity, wn__small_network *out)
{
    const wn__match match = (wn__match)row->axes.match;
    *out = (wn__small_network){0};
    if (sparsity <= 0 || !wn__mask_resizes(row->axes.mask)) return WN_OK;
    if (row->axes.mask == WN__MASK_WIDE) return wn__wide_network_find(r, &row->mask, sparsity, r->seed[0], match, out);
    return wn__small_network_find(r, &row->mask, sparsity, r->seed[0], match, out);
}

static wn_status cell_stages(wn__agenda *plan, const wn__small_network *network, wn__agenda_row *out)
{
    const wn__row *row = &plan->recipe->row[out->row];
    const double sparsity = out->sparsity;
    const uint64_t seed = out->seed;
    char shown[32], what[320];
    wn__show_sparsity(sparsity, shown, sizeof shown);
    if (wn__mask_is_drawn(row->axes.mask) && sparsity > 0) {
        WN_TRY(drawn_stage(plan, &row->mask, network, seed, sparsity, &out->mask));
    } else if (is_at_init(row) && sparsity > 0) {
        WN_TRY(mask_at_init(plan, row, seed, sparsity, &out->mask));
    } else if (has_pruned_mask(row) && sparsity > 0) {
        WN_TRY(mask_chain(plan, row, seed, sparsity, &out->mask, &out->source, &out->rounds));
        WN_TRY(evaluate_stage(plan, out->source, "", out));
    }
    const bool dense = row->axes.mask == WN__MASK_NONE || row->axes.mask == WN__MASK_LEARNED;
    snprintf(what, sizeof what, "%s%s%s", row->name, dense ? "" : " ", dense ? "" : shown);
    request q = {.row = row, .axes = &row->axes, .seed = seed, .mask = out->mask, .source = out->source, .what = what};
    if (row->axes.mask == WN__MASK_GRADUAL) q.gradual_to = sparsity;
    q.thins = row->axes.mask == WN__MASK_LEARNED || (wn__mask_thins(row->axes.mask) && sparsity > 0);
    q.thin_to = sparsity;
    if (network->config) q.small = network;
    WN_TRY(train_stage(plan, &q, &out->train));
    return out->mask >= 0 && row->mask.file[0] ? evaluate_start(plan, out) : WN_OK;
}

/* All stages of a row's cell. */
static wn_status row_stages(wn__agenda *plan, int row_index, double sparsity, uint64_t seed, wn__agenda_row *out)
{
    wn__small_network network;
    *out = (wn__agenda_row){.row = row_index, .sparsity = sparsity, .seed = seed, .mask = -1, .source = -1, .evaluate = -1};
    WN_TRY(find_network(plan->recipe, &plan->recipe->row[row_index], sparsity, &network));
    const wn_status status = cell_stages(plan, &network, out);
    wn__small_network_release(&network);
    return status;
}

static wn_status add_row(wn__agenda *plan, int row_index, double sparsity, uint64_t seed)
{
    wn__agenda_row out;
    WN_TRY(row_stages(plan, row_index, sparsity, seed, &out));
    return wn__agenda_add_row(plan, &out);
}

static bool is_skipped(const wn__agenda *plan, int row, double sparsity)
{
    for (int i = 0; i < plan->skips; i++)
        if (plan->skip[i].row == row && plan->skip[i].sparsity == sparsity) return true;
    return false;
}

/* A cell whose masks cannot be drawn is left out, and said to be. */
static wn_status check_cell(wn__agenda *plan, int row_index, double sparsity, bool *possible)
{
    const wn__recipe *r = plan->recipe;
    const wn__row *row = &r->row[row_index];
    char shown[32];
    *possible = !spreads(row) || sparsity == 0;
    if (*possible || is_skipped(plan, row_index, sparsity)) return WN_OK;
    const wn_status status = wn__drawn_check(r->graph, &row->mask, sparsity, r->seed[0]);
    *possible = status == WN_OK;
    if (status != WN_EUSAGE) return status;
    const wn__skip skip = {row_index, sparsity, wn__strdup(wn_error_message())};
    if (!skip.reason) return wn__no_memory(256);
    wn__log(WN_LOG_WARNING, "%s %s is left out: %s", row->name, wn__show_sparsity(sparsity, shown, sizeof shown), skip.reason);
    if (plan->skips == WN__MOST_SKIPS) {
        wn__free(skip.reason);
        return wn__fail(WN_EUSAGE, "more than %d impossible cells", WN__MOST_SKIPS);
    }
    plan->skip[plan->skips++] = skip;
    return WN_OK;
}

/* Groups that do not fit a layer's shape are the recipe's mistake: the layer can be left out. */
static wn_status check_groups(const wn__recipe *r, const wn__row *row)
{
    wn__params params = {0};
    WN_TRY(wn__graph_make_params(r->graph, &params));
    const wn_status status = wn__n_of_m_check(&row->mask.n_of_m, &r->selection[row->selection], &params);
    wn__params_release(&params);
    char prefix[256];
    snprintf(prefix, sizeof prefix, "%s: mask.", row->name);
    return status == WN_OK ? WN_OK : wn__fault_at(row->node ? row->node : r->compare_node, prefix, status);
}

wn_status wn__row_own_sparsity(const wn__recipe *r, const wn__row *row, bool *own, double *sparsity)
{
    *own = true;
    if (is_n_of_m(row)) {
        *sparsity = 1 - (double)row->mask.n_of_m.n / (double)row->mask.n_of_m.m;
        return check_groups(r, row);
    }
    if (row->mask.file[0]) return wn__masks_file_sparsity(row->mask.file, sparsity);
    *own = spreads(row) && wn__drawn_has_own_sparsity(&row->mask);
    if (!*own) return WN_OK;
    const wn_status status = wn__drawn_sparsity(r->graph, &row->mask, sparsity);
    return status == WN_OK ? WN_OK : wn__fault_at(row->node ? row->node : r->compare_node, "mask.distribution: ", status);
}

/* Rows without a mask stand once, at sparsity 0; rows that say their sparsity themselves once, at that. */
static wn_status add_rows(wn__agenda *plan, uint64_t seed, int row_index)
{
    const wn__recipe *r = plan->recipe;
    const wn__row *row = &r->row[row_index];
    bool own;
    double sparsity;
    if (row->axes.mask == WN__MASK_NONE || row->axes.mask == WN__MASK_LEARNED) return add_row(plan, row_index, 0, seed);
    WN_TRY(wn__row_own_sparsity(r, row, &own, &sparsity));
    if (own) return add_row(plan, row_index, sparsity, seed);
    if (spreads(row)) { /* at sparsity 0 only a wrong description can fail */
        const wn_status status = wn__drawn_check(r->graph, &row->mask, 0, seed);
        if (status != WN_OK) return wn__fault_at(row->node ? row->node : r->compare_node, "mask.distribution: ", status);
    }
    for (int s = 0; s < r->sparsities; s++) {
        bool possible;
        WN_TRY(check_cell(plan, row_index, r->sparsity[s], &possible));
        if (possible) WN_TRY(add_row(plan, row_index, r->sparsity[s], seed));
    }
    return WN_OK;
}

/* ---- the whole */

/* Rows mostly have the recipe's, which is looked at once. */
static wn_status check_teacher(const wn__recipe *r, const wn__row *row)
{
    const wn__teacher_files *files = &row->teacher.files;
    if (row->axes.labels != WN__LABELS_SOFT) return WN_OK;
    for (const wn__row *before = r->row; before < row; before++)
        if (before->axes.labels == WN__LABELS_SOFT && is_compared(r, (int)(before - r->row)) &&
            memcmp(&before->teacher.files, files, sizeof *files) == 0)
            return WN_OK;
    char prefix[256];
    snprintf(prefix, sizeof prefix, "%s: teacher: ", row->name);
    const wn_status status = wn__teacher_check(r, files);
    return status == WN_OK ? WN_OK : wn__fault_at(row->node ? row->node : r->compare_node, prefix, status);
}

static wn_status fill(wn__agenda *plan)
{
    const wn__recipe *r = plan->recipe;
    for (int s = 0; s < r->seeds; s++)
        for (int m = 0; m < r->methods; m++)
            WN_TRY(add_rows(plan, r->seed[s], r->compared[m]));
    for (int m = 0; m < r->methods; m++)
        WN_TRY(check_teacher(r, &r->row[r->compared[m]]));
    WN_TRY(wn__agenda_check_starts(plan));
    WN_TRY(wn__agenda_check_world(plan));
    WN_TRY(wn__agenda_keep_for_lab(plan));
    return wn__agenda_add_caches(plan);
}

wn_status wn__agenda_make(const wn__recipe *recipe, const wn__machine *machine, wn__agenda **out)
{
    wn__agenda *plan;
    WN_TRY(wn__agenda_new(recipe, machine, &plan));
    wn_status status = wn__agenda_check_weights(plan);
    if (status == WN_OK) status = fill(plan);
    if (status != WN_OK) {
        wn__agenda_free(plan);
        return status;
    }
    *out = plan;
    return WN_OK;
}

wn_status wn__agenda_make_dense(const wn__recipe *recipe, const wn__machine *machine, uint64_t seed, wn__agenda **out)
{
    wn__agenda *plan;
    int index;
    WN_TRY(wn__agenda_new(recipe, machine, &plan));
    plan->trains_dense = true;
    wn_status status = wn__agenda_check_weights(plan);
    if (status == WN_OK) status = dense_run(plan, seed, false, &index);
    if (status == WN_OK) status = wn__agenda_check_world(plan);
    if (status != WN_OK) {
        wn__agenda_free(plan);
        return status;
    }
    *out = plan;
    return WN_OK;
}
