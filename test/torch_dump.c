/* One training step of ResNet-20 (arXiv:1512.03385) on made-up images, written for torch_step.py to repeat in PyTorch.
 *
 *     torch_dump BACKEND IMAGES FILE
 *
 * FILE (safetensors): images (n,3,32,32), labels (n), loss, logits (n,10), and for each parameter "before:<name>", then "gradient:<name>"
 * or, for running statistics, "after:<name>". Exit status 77 if the build has no such backend. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "io/safetensors.h"
#include "models/model.h"
#include "nn/executor/executor.h"

enum { CLASSES = 10, PIXELS = 3 * 32 * 32 };

typedef struct batch {
    int64_t n;
    float *images, *logits; /* (n,3,32,32), (n,10) */
    int32_t *labels;        /* (n) */
    double loss;
} batch;

static wn_status cross_entropy(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    batch *b = arg;
    for (int64_t i = first; i < first + n; i++, logits += CLASSES, dlogits += CLASSES) {
        double sum = 0;
        for (int k = 0; k < CLASSES; k++)
            sum += exp(logits[k]);
        b->loss += (log(sum) - logits[b->labels[i]]) / (double)b->n;
        for (int k = 0; k < CLASSES; k++) {
            dlogits[k] = (float)((exp(logits[k]) / sum - (k == b->labels[i])) / (double)b->n);
            b->logits[i * CLASSES + k] = logits[k];
        }
    }
    return WN_OK;
}

static wn_status make_batch(int64_t n, batch *b)
{
    *b = (batch){n, WN_NEW_ARRAY(float, n *PIXELS), WN_NEW_ARRAY(float, n *CLASSES), WN_NEW_ARRAY(int32_t, n), 0};
    if (!b->images || !b->logits || !b->labels) return wn__no_memory((size_t)n * PIXELS * sizeof(float));
    wn__rng r = wn__rng_make(1, WN__FOR_TEST, 0, 0);
    for (int64_t i = 0; i < n * PIXELS; i++)
        b->images[i] = (float)wn__rng_normal(&r);
    for (int64_t i = 0; i < n; i++)
        b->labels[i] = (int32_t)wn__rng_below(&r, CLASSES);
    return WN_OK;
}

static void free_batch(batch *b)
{
    wn__free(b->images);
    wn__free(b->logits);
    wn__free(b->labels);
}

/* He's normal weights; scales, shifts and running statistics away from 1 and 0, so that each counts. */
static void draw_params(wn__params *params)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        const double weight_scale = sqrt(2.0 * (double)p->dim[0] / (double)p->count);
        wn__rng r = wn__rng_make(1, WN__FOR_TEST, 1, (uint64_t)i);
        for (int64_t k = 0; k < p->count; k++) {
            const double z = wn__rng_normal(&r);
            if (p->role == WN__WEIGHT)
                p->value[k] = (float)(weight_scale * z);
            else if (p->role == WN__SCALE || p->role == WN__VARIANCE)
                p->value[k] = (float)(1 + 0.2 * tanh(z));
            else
                p->value[k] = (float)(0.1 * z);
        }
    }
    params->version++;
}

static wn_status write_params(wn__st_writer *w, const wn__params *params, const char *prefix, bool gradients, bool statistics)
{
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        const bool trained = wn__role_is_trained(p->role);
        char name[128];
        snprintf(name, sizeof name, "%s:%s", prefix, p->name);
        if (trained ? statistics : gradients) continue;
        WN_TRY(wn__st_writer_add(w, name, WN__ST_F32, p->ndim, p->dim, gradients ? p->grad : p->value));
    }
    return WN_OK;
}

static wn_status write_step(wn__st_writer *w, const batch *b, const wn__params *before, const wn__params *after, const char *path)
{
    WN_TRY(wn__st_writer_add(w, "images", WN__ST_F32, 4, (int64_t[]){b->n, 3, 32, 32}, b->images));
    WN_TRY(wn__st_writer_add(w, "labels", WN__ST_I32, 1, (int64_t[]){b->n}, b->labels));
    WN_TRY(wn__st_writer_add(w, "logits", WN__ST_F32, 2, (int64_t[]){b->n, CLASSES}, b->logits));
    WN_TRY(wn__st_writer_add(w, "loss", WN__ST_F64, 0, NULL, &b->loss));
    WN_TRY(write_params(w, before, "before", false, false));
    WN_TRY(write_params(w, after, "gradient", true, false));
    WN_TRY(write_params(w, after, "after", false, true));
    return wn__st_writer_write(w, path);
}

static wn_status run_step(const wn__backend *backend, const wn_graph *graph, wn__params *params, batch *b)
{
    wn__pool *pool = NULL;
    wn__device *device = NULL;
    wn__executor *ex = NULL;
    wn_status status;
    WN_TRY_OR(done, wn__pool_new(2, &pool));
    WN_TRY_OR(done, backend->open(backend, &(wn__device_options){.dtype = WN__F32, .pool = pool}, &device));
    WN_TRY_OR(done, wn__executor_new(graph, params, device, &(wn__executor_options){.batch = b->n, .training = true}, &ex));
    const wn__step_info step = {.training = true, .update_statistics = true};
    WN_TRY_OR(done, wn__executor_gradients(ex, b->images, b->n, step, cross_entropy, b));
done:
    wn__executor_free(ex);
    if (device) device->close(device);
    wn__pool_free(pool);
    return status;
}

static wn_status dump(const wn__backend *backend, int64_t n, const char *path)
{
    const wn__model *model;
    wn_graph *graph = NULL;
    wn__params before = {0}, after = {0};
    wn__st_writer *writer = NULL;
    batch b = {0};
    wn_status status;
    WN_TRY_OR(done, wn__model_find("resnet20", &model));
    WN_TRY_OR(done, wn__model_build(model, NULL, model->usual, &graph));
    WN_TRY_OR(done, wn__graph_make_params(graph, &before));
    WN_TRY_OR(done, wn__graph_make_params(graph, &after));
    draw_params(&before);
    draw_params(&after);
    WN_TRY_OR(done, make_batch(n, &b));
    WN_TRY_OR(done, run_step(backend, graph, &after, &b));
    WN_TRY_OR(done, wn__st_writer_new(&writer));
    WN_TRY_OR(done, write_step(writer, &b, &before, &after, path));
done:
    wn__st_writer_free(writer);
    free_batch(&b);
    wn__params_release(&before);
    wn__params_release(&after);
    wn_graph_free(graph);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s BACKEND IMAGES FILE\n", argv[0]);
        return 2;
    }
    const wn__backend *backend = wn__backend_find(argv[1]);
    if (!backend) {
        printf("skipped: backend %s is not in this build\n", argv[1]);
        return 77;
    }
    if (dump(backend, strtoll(argv[2], NULL, 10), argv[3]) == WN_OK) return 0;
    fprintf(stderr, "%s\n", wn_error_message());
    return 1;
}
