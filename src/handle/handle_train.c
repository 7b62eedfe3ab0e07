/* Losses, gradients and steps. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "data/targets.h"
#include "handle/handle.h"
#include "nn/loss.h"

/* ---- settings */

static wn_status check_keys(const wn__recipe *r)
{
    static const char *const known[] = {"optimizer", "loss", "smoothing", "clip_norm", "clip_value", "micro_batch"};
    const wn__yaml_node *train = wn__yaml_find(wn__yaml_root(r->doc), "train");
    for (int i = 0; i < wn__yaml_count(train); i++) {
        const char *key = wn__yaml_text(wn__yaml_key(train, i));
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            found = found || strcmp(key, known[k]) == 0;
        if (!found) return wn__yaml_fail(WN_EUSAGE, wn__yaml_key(train, i), "train.%s says nothing of a single step", key);
    }
    return WN_OK;
}

static wn_status read_settings(const char *text, wn__recipe **out)
{
    wn__recipe *r;
    WN_TRY(wn__handle_section("train", text, &r));
    const wn_status status = check_keys(r);
    if (status == WN_OK)
        *out = r;
    else
        wn__recipe_free(r);
    return status;
}

wn_status wn_network_set_training(wn_network *net, const char *train)
{
    wn__recipe *recipe;
    WN__ENTER(net);
    WN_TRY(read_settings(train, &recipe));
    wn__training_restart(net);
    wn__recipe_free(net->training.recipe);
    net->training.recipe = recipe;
    net->how.micro_batch = recipe->train.micro_batch;
    wn__handle_stop(net);
    return WN_OK;
}

static wn__loss loss_of(const wn_network *net)
{
    const wn__train_section *t = &net->training.recipe->train;
    return (wn__loss){.hard = t->loss, .config = t->loss_config, .smoothing = t->smoothing, .temperature = 1};
}

/* ---- samples */

static wn_status check_loss(const wn__loss *loss, const wn_targets *targets)
{
    const wn__loss_type *type = loss->hard ? loss->hard : wn__loss_usual(targets->kind);
    if (loss->smoothing > 0 && !wn__target_is_one_class(targets->kind))
        return wn__fail(WN_EUSAGE, "smoothing is of targets that are one class: these are of the kind %s",
                        wn__target_kind_name(targets->kind));
    if (type && (type->targets & (1U << targets->kind))) return WN_OK;
    return wn__fail(WN_EUSAGE, "loss %s does not take targets of the kind %s", type ? type->name : "none",
                    wn__target_kind_name(targets->kind));
}

static wn_status make_rows(wn__training *t, int64_t n)
{
    if (n <= t->rows) return WN_OK;
    double *more = wn__realloc(t->row_loss, (size_t)n * sizeof *more);
    if (!more) return wn__no_memory((size_t)n * sizeof *more);
    t->row_loss = more;
    t->rows = n;
    return WN_OK;
}

static double mean_loss(const double *loss, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += loss[i];
    return sum / (double)n;
}

static wn_status begin(wn_network *net, const char *call, const float *x, const wn_targets *targets, int64_t n, wn__loss *loss)
{
    WN_TRY(wn__handle_check_samples(net, call, x, targets, n));
    if (!net->training.recipe) WN_TRY(read_settings(NULL, &net->training.recipe));
    *loss = loss_of(net);
    WN_TRY(check_loss(loss, targets));
    return make_rows(&net->training, n);
}

/* ---- a step */

/* Slots are zero where the optimizer begins, as in a training that starts. */
static wn_status start_updater(wn_network *net)
{
    const wn__train_section *s = &net->training.recipe->train;
    const wn__optimizer optimizer = {s->optimizer, s->optimizer_config, s->clip_norm, s->clip_value};
    wn__pool *pool;
    if (net->training.updater) return WN_OK;
    WN_TRY(wn__devices_pool(&net->devices, &pool));
    WN_TRY(wn__params_allocate_slots(&net->net.params, s->optimizer->slots(s->optimizer_config)));
    net->training.updates = 0;
    return wn__updater_new(&optimizer, &net->net.params, pool, &net->training.updater);
}

typedef struct pass {
    wn_network *net;
    const wn__loss *loss;
    const wn_targets *targets;
    int64_t n;
} pass;

static wn_status loss_gradient(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    const pass *p = arg;
    const wn__loss_rows rows = {.n = n,
                                .batch = p->n,
                                .classes = wn__graph_classes(p->net->net.graph),
                                .logits = logits,
                                .targets = wn__targets_from(p->targets, first)};
    const wn__loss_out out = {.loss = p->net->training.row_loss + first, .dlogits = dlogits};
    wn__loss_compute(p->loss, &rows, p->net->devices.pool, &out);
    return WN_OK;
}

static wn_status check_finite(wn_network *net, const float *x, int64_t n, wn__step_info step, double loss)
{
    const char *node = "";
    if (isfinite(loss)) return WN_OK;
    WN_TRY(wn__executor_find_nonfinite(net->net.ex, x, n, step, &node));
    return wn__fail(WN_EDIVERGED, "%s: the loss is %g; %s%s", net->net.graph->name, loss,
                    *node ? "the first output that is not finite is that of layer " : "no layer's output is the cause", node);
}

wn_status wn_network_loss_gradients(wn_network *net, const float *x, const wn_targets *targets, int64_t n, double *loss)
{
    wn__loss how;
    WN__ENTER(net);
    WN_TRY(wn__handle_may_change_numbers(net, "a training step"));
    WN_TRY(begin(net, "wn_network_loss_gradients", x, targets, n, &how));
    WN_TRY(wn__handle_ready(net, n));
    WN_TRY(start_updater(net));
    const wn__step_info step = {.training = true, .update_statistics = true, .seed = net->seed, .step = net->training.updates};
    pass p = {net, &how, targets, n};
    net->training.passed = false;
    WN_TRY(wn__executor_gradients(net->net.ex, x, n, step, loss_gradient, &p));
    net->net.params.version++; /* running statistics */
    const double mean = mean_loss(net->training.row_loss, n);
    WN_TRY(check_finite(net, x, n, step, mean));
    if (loss) *loss = mean;
    net->training.passed = true;
    return WN_OK;
}

wn_status wn_network_step(wn_network *net, double rate)
{
    WN__ENTER(net);
    WN_TRY(wn__handle_may_change_numbers(net, "a training step"));
    if (!(rate >= 0) || !isfinite(rate)) return wn__fail(WN_EINVAL, "learning rate %g, must be 0 or more", rate);
    if (!net->training.passed) return wn__fail(WN_EINVAL, "no gradients since the last step: wn_network_loss_gradients makes them");
    WN_TRY(wn__updater_step(net->training.updater, rate, net->training.updates + 1));
    net->training.updates++;
    net->training.passed = false;
    return WN_OK;
}

/* ---- as it is */

/* Of samples [first, first + n). */
static wn_status loss_of_piece(wn_network *net, const wn__loss *how, const float *x, const wn_targets *targets, int64_t first, int64_t n)
{
    const wn_graph *g = net->net.graph;
    const wn__loss_rows rows = {
        .n = n, .batch = n, .classes = wn__graph_classes(g), .logits = net->training.outputs, .targets = wn__targets_from(targets, first)};
    WN_TRY(wn_network_predict(net, x + first * g->c * g->h * g->w, n, net->training.outputs));
    wn__loss_compute(how, &rows, net->devices.pool, &(wn__loss_out){.loss = net->training.row_loss + first});
    return WN_OK;
}

wn_status wn_network_loss(wn_network *net, const float *x, const wn_targets *targets, int64_t n, double *loss)
{
    wn__loss how;
    WN__ENTER(net);
    WN__NEED(loss);
    WN_TRY(begin(net, "wn_network_loss", x, targets, n, &how));
    how.smoothing = 0; /* it is of training */
    const int64_t outputs = wn__graph_classes(net->net.graph), batch = net->batch;
    if (!net->training.outputs && !(net->training.outputs = WN_NEW_ARRAY(float, batch *outputs)))
        return wn__no_memory((size_t)(batch * outputs) * sizeof(float));
    for (int64_t first = 0; first < n; first += batch)
        WN_TRY(loss_of_piece(net, &how, x, targets, first, n - first < batch ? n - first : batch));
    *loss = mean_loss(net->training.row_loss, n);
    return WN_OK;
}
