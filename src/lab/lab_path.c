/* A Bezier curve between two networks, its control points trained: is there a path without a barrier? */
#include <math.h>
#include <string.h>

#include "analysis/bezier.h"
#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/options.h"
#include "lab/lab.h"
#include "lab/lab_curve.h"
#include "lab/lab_line.h"
#include "tensor/compression.h"

enum { USUAL_POINTS = 15, MOST_POINTS = 500, USUAL_EPOCHS = 3 };
#define USUAL_RATE 0.02
#define PATH_SEED 0x70617468u

typedef struct path {
    const wn_lab_path_options *options;
    int order;
    int64_t epochs, points;
    double rate, position[MOST_POINTS];
    wn__space space;
    float *first, *last;
    wn__params params; /* what the curve's points are put into */
    wn__bezier curve;
    void *config; /* of the optimizer */
    wn__optimizer optimizer;
    wn__schedule schedule;
    int64_t steps_per_epoch;
} path;

/* --- setting up ---------------------------------------------------------------------------------------------------------------- */

static wn_status make_optimizer(path *p)
{
    const wn__optimizer_type *sgd;
    WN_TRY(wn__optimizer_find("sgd", &sgd));
    if (!(p->config = wn__alloc(sgd->config_size))) return wn__no_memory(sgd->config_size);
    WN_TRY(wn__settings_defaults(sgd->settings, p->config));
    WN_TRY(wn__settings_set(sgd->settings, p->config, "momentum", "0.9"));
    WN_TRY(wn__settings_set(sgd->settings, p->config, "weight_decay", "0"));
    p->optimizer = (wn__optimizer){.type = sgd, .config = p->config};
    return WN_OK;
}

static wn_status make_space(const wn__lab *lab, path *p)
{
    const wn__params *both[] = {&lab->network[0].params, &lab->network[1].params};
    WN_TRY(wn__space_make(both, 2, p->options->full ? WN__SPACE_ALL : WN__SPACE_ACTIVE, &p->space));
    p->first = WN_NEW_ARRAY(float, p->space.size);
    p->last = WN_NEW_ARRAY(float, p->space.size);
    if (!p->first || !p->last) return wn__no_memory((size_t)p->space.size * sizeof(float));
    wn__space_values(&p->space, both[0], p->first);
    wn__space_values(&p->space, both[1], p->last);
    return WN_OK;
}

static wn_status make_curve(wn__lab *lab, path *p, wn__device **device)
{
    WN_TRY(wn__graph_make_params(lab->recipe->graph, &p->params));
    WN_TRY(wn__space_mask(&p->space, &p->params));
    WN_TRY(wn__context_device(&lab->context, wn__lab_backend(lab, &p->params), (wn__dtype)lab->recipe->top.dtype, device));
    if ((*device)->compressed) WN_TRY(wn__params_compress_masked(&p->params));
    WN_TRY(wn__bezier_make(lab->recipe->graph, &p->params, &p->space, p->order, p->first, p->last, &p->curve));
    for (int k = 1; k < p->order; k++)
        WN_TRY(wn__params_allocate_slots(&p->curve.control[k - 1], p->optimizer.type->slots(p->config)));
    return WN_OK;
}

static void release(path *p)
{
    wn__bezier_release(&p->curve);
    wn__params_release(&p->params);
    wn__space_release(&p->space);
    wn__free(p->first);
    wn__free(p->last);
    wn__free(p->config);
}

/* --- control points on disk: one file each and epoch, the former epoch's removed once the new one is noted ------------------------- */

static wn_status control_path(const wn__lab *lab, int k, int64_t epoch, char **out)
{
    char name[64];
    snprintf(name, sizeof name, "control-%d-epoch-%lld.safetensors", k, (long long)epoch);
    *out = wn__path_join(lab->folder, name);
    return *out ? WN_OK : wn__no_memory(64);
}

static wn_status save_control(const wn__lab *lab, const path *p, int k, int64_t epoch)
{
    const wn__network_info info = {.graph = lab->recipe->graph, .data = &lab->context.data, .normalize = &lab->context.normalize};
    char *file;
    wn__st_writer *w;
    WN_TRY(control_path(lab, k, epoch, &file));
    wn_status status = wn__st_writer_new(&w);
    if (status == WN_OK) {
        status = wn__network_add(w, &info, &p->curve.control[k - 1], WN__FORM_STORED, p->optimizer.type);
        if (status == WN_OK) status = wn__st_writer_write(w, file);
        wn__st_writer_free(w);
    }
    wn__free(file);
    return status;
}

static wn_status load_control(const wn__lab *lab, path *p, int k, int64_t epoch)
{
    char *file;
    wn__safetensors *opened;
    WN_TRY(control_path(lab, k, epoch, &file));
    wn_status status = wn__safetensors_open(file, &opened);
    wn__free(file);
    WN_TRY(status);
    status = wn__network_read(opened, WN__PART_VALUES | WN__PART_SLOTS, p->optimizer.type, &p->curve.control[k - 1]);
    wn__safetensors_close(opened);
    return status;
}

static wn_status remove_control(const wn__lab *lab, int k, int64_t epoch)
{
    char *file;
    WN_TRY(control_path(lab, k, epoch, &file));
    const wn_status status = wn__remove_tree(file);
    wn__free(file);
    return status;
}

static wn_status keep_epoch(wn__lab *lab, const path *p, int64_t epoch, double loss)
{
    char name[32];
    for (int k = 1; k < p->order; k++)
        WN_TRY(save_control(lab, p, k, epoch));
    snprintf(name, sizeof name, "epoch %lld", (long long)epoch);
    WN_TRY(wn__lab_unit_done(lab, name, json_pack("{s:f}", "loss", loss)));
    for (int k = 1; k < p->order; k++)
        WN_TRY(remove_control(lab, k, epoch - 1));
    return WN_OK;
}

/* Epochs that are done already. */
static int64_t epochs_done(const wn__lab *lab, const path *p)
{
    for (int64_t epoch = p->epochs; epoch > 0; epoch--) {
        char name[32];
        snprintf(name, sizeof name, "epoch %lld", (long long)epoch);
        if (wn__lab_unit(lab, name)) return epoch;
    }
    return 0;
}

/* --- training ------------------------------------------------------------------------------------------------------------------ */

typedef struct training_user {
    wn__lab *lab;
    int64_t all;
} training_user;

static wn_status on_step(void *user, int64_t done, double loss)
{
    const training_user *u = user;
    (void)loss;
    return wn__lab_progress(u->lab, done, u->all);
}

static wn_status train_epochs(wn__lab *lab, path *p, wn__executor *ex, wn__loader *loader)
{
    const int64_t begun = epochs_done(lab, p);
    training_user user = {lab, p->epochs * p->steps_per_epoch};
    for (int k = 1; k < p->order && begun > 0; k++)
        WN_TRY(load_control(lab, p, k, begun));
    WN_TRY(wn__loader_seek(loader, begun, 0));
    for (int64_t epoch = begun; epoch < p->epochs; epoch++) {
        const wn__bezier_training t = {.ex = ex,
                                       .params = &p->params,
                                       .loader = loader,
                                       .batch = lab->recipe->train.batch,
                                       .classes = lab->context.data.facts.sample.classes,
                                       .optimizer = &p->optimizer,
                                       .schedule = &p->schedule,
                                       .pool = lab->context.devices.pool,
                                       .seed = PATH_SEED,
                                       .first = epoch * p->steps_per_epoch,
                                       .last = (epoch + 1) * p->steps_per_epoch,
                                       .updates = epoch * p->steps_per_epoch,
                                       .progress = on_step,
                                       .user = &user};
        double loss;
        WN_TRY(wn__bezier_train(&p->curve, &t, &loss));
        WN_TRY(keep_epoch(lab, p, epoch + 1, loss));
    }
    return WN_OK;
}

static wn_status train(wn__lab *lab, path *p, wn__device *device)
{
    wn__loader_options options = wn__lab_loader(lab);
    wn__loader *loader = NULL;
    wn__network net = wn__network_over(lab->recipe->graph, &p->params);
    const wn__executor_options how = {.batch = options.batch, .training = true, .memory = wn__recipe_memory(lab->recipe)};
    options.seed = PATH_SEED;
    wn_status status = wn__loader_new(&options, &loader);
    if (status == WN_OK) status = wn__network_start(&net, device, &how);
    if (status == WN_OK) {
        p->steps_per_epoch = wn__loader_batches(loader);
        p->schedule = (wn__schedule){.kind = WN__SCHEDULE_COSINE, .base = p->rate, .length = p->epochs * p->steps_per_epoch, .every = 1};
        status = train_epochs(lab, p, net.ex, loader);
    }
    wn__network_release(&net);
    wn__loader_free(loader);
    return status;
}

/* --- evaluating ---------------------------------------------------------------------------------------------------------------- */

static wn_status evaluate_points(wn__lab *lab, path *p, const wn__probe *probe)
{
    for (int64_t i = 0; i < p->points; i++) {
        char name[WN__UNIT_NAME];
        wn__probe_point point;
        WN_TRY(wn__lab_progress(lab, p->points + i, 2 * p->points));
        wn__lab_curve_unit("curve", i, name);
        if (wn__lab_unit(lab, name)) continue;
        wn__bezier_set(&p->curve, p->position[i], probe->options.params);
        WN_TRY(wn__probe_evaluate(probe, &point));
        WN_TRY(wn__lab_unit_done(lab, name, wn__lab_curve_point_json(p->position[i], &point)));
    }
    return wn__lab_progress(lab, 2 * p->points, 2 * p->points);
}

static wn_status evaluate_curve(wn__lab *lab, path *p)
{
    wn__network net = {0};
    wn__probe probe = {0};
    const wn__loader_options loader = wn__lab_loader(lab);
    wn_status status = wn__lab_union_network(lab, &p->space, &net);
    const wn__probe_options options = {.params = &net.params,
                                       .executor = net.ex,
                                       .pool = lab->context.devices.pool,
                                       .train = &loader,
                                       .train_images = p->options->train_images,
                                       .reestimate = true,
                                       .batches = p->options->batches};
    if (status == WN_OK) status = wn__probe_make(&options, &probe);
    if (status == WN_OK) status = evaluate_points(lab, p, &probe);
    wn__probe_release(&probe);
    wn__network_release(&net);
    return status;
}

static wn_status evaluate_line(wn__lab *lab, path *p)
{
    const wn__lab_line how = {.position = p->position,
                              .points = p->points,
                              .prefix = "line",
                              .all = 2 * p->points,
                              .batches = p->options->batches,
                              .train_images = p->options->train_images};
    return wn__lab_line_evaluate(lab, &lab->network[0].params, &lab->network[1].params, &how);
}

/* --- the answer ---------------------------------------------------------------------------------------------------------------- */

static wn_status answer(wn__lab *lab, const path *p, wn_lab_result *out)
{
    static const char *const names[] = {"straight line", "trained curve"};
    wn__lab_curve curves[2] = {{0}};
    wn__table tables[2] = {{.id = "curve", .title = "Loss and error along the trained curve"}, {.id = "barrier", .title = "Barriers"}};
    json_t *line = json_object(), *curve = json_object();
    wn__lab_answer a = {.table = tables, .tables = 2, .result = json_pack("{s:o, s:o}", "line", line, "curve", curve)};
    wn__sheet sheet = {0};
    char first[64], second[64], title[192];
    wn_status status = wn__lab_curve_read(lab, "line", p->position, p->points, &curves[0]);
    if (status == WN_OK) status = wn__lab_curve_read(lab, "curve", p->position, p->points, &curves[1]);
    if (status == WN_OK) status = wn__lab_curve_json(&curves[0], line);
    if (status == WN_OK) status = wn__lab_curve_json(&curves[1], curve);
    if (status == WN_OK) {
        wn__lab_curve_table(&curves[1], "t", &tables[0]);
        wn__text_add(&tables[0].note, "t = 0: %s; t = 1: %s. Bezier curve of order %d in %s, trained for %lld epochs.",
                     lab->network[0].label, lab->network[1].label, p->order, p->options->full ? "the full space" : "the union of the masks",
                     (long long)p->epochs);
        wn__lab_curve_barriers(curves, 2, names, &tables[1]);
        snprintf(title, sizeof title, "0: %s, 1: %s", wn__lab_short_label(lab, 0, first, sizeof first),
                 wn__lab_short_label(lab, 1, second, sizeof second));
        wn__lab_curve_sheet(curves, 2, names, title, &sheet);
        status = wn__figure_files_add(&a.figures, &sheet, "path");
    }
    if (status == WN_OK) status = wn__lab_finish(lab, &a, out);
    wn__lab_curve_release(&curves[0]);
    wn__lab_curve_release(&curves[1]);
    wn__sheet_release(&sheet);
    wn__lab_answer_release(&a);
    return status;
}

static wn_status run(wn__lab *lab, path *p, wn_lab_result *result)
{
    wn__device *device;
    WN_TRY(wn__lab_load(lab));
    WN_TRY(make_optimizer(p));
    WN_TRY(make_space(lab, p));
    WN_TRY(make_curve(lab, p, &device));
    WN_TRY(train(lab, p, device));
    WN_TRY(evaluate_line(lab, p));
    WN_TRY(evaluate_curve(lab, p));
    return answer(lab, p, result);
}

static wn_status check(const path *p)
{
    if (p->order < 2 || p->order > 3) return wn__fail(WN_EUSAGE, "order %d; 2 and 3 are valid", p->order);
    if (p->points < 3 || p->points > MOST_POINTS)
        return wn__fail(WN_EUSAGE, "%lld points; 3 to %d are valid", (long long)p->points, MOST_POINTS);
    return WN_OK;
}

wn_status wn_lab_path(const wn_lab_path_options *options, wn_lab_result *result)
{
    WN__COMPLETE(wn_lab_path_options, options);
    WN__COMPLETE_WITHIN(wn_lab_options, options, lab);
    WN__NEED(result);
    WN_TRY(wn__lab_check(options->lab));
    wn__lab lab = {0};
    path *p = WN_NEW(path);
    if (!p) return wn__no_memory(sizeof *p);
    p->options = options;
    p->order = options->order ? options->order : 2;
    p->epochs = options->epochs > 0 ? options->epochs : USUAL_EPOCHS;
    p->points = options->points ? options->points : USUAL_POINTS;
    p->rate = options->rate > 0 ? options->rate : USUAL_RATE;
    wn_status status = check(p);
    if (status == WN_OK) {
        wn__even_positions(0, 1, p->points, p->position);
        status = wn__lab_open(options->lab, "path", 2, 2,
                              json_pack("{s:i, s:b, s:I, s:I, s:f, s:I, s:I}", "order", p->order, "full", options->full, "epochs",
                                        (json_int_t)p->epochs, "points", (json_int_t)p->points, "rate", p->rate, "batches",
                                        (json_int_t)options->batches, "train_images", (json_int_t)options->train_images),
                              &lab);
    }
    if (status == WN_OK) status = lab.answered ? wn__lab_repeat(&lab, result) : run(&lab, p, result);
    release(p);
    wn__lab_close(&lab);
    wn__free(p);
    return status;
}
