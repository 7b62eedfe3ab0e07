/* Element by element, few images: batch norms that follow no convolution, additions, ReLUs; dropout, which here only copies. */
#include <math.h>

#include "backend/sparse/few.h"
#include "base/fail.h"

typedef struct work {
    const wn__op *op;
    const wn__op_args *args;
    wn__planes planes;
    const float *values; /* norm: three rows */
} work;

static const float *plane_of(const void *tensor, const wn__planes *p, int64_t i)
{
    return tensor ? (const float *)tensor + i * p->plane : NULL;
}

static void run_planes(const wn__op *op, const wn__op_args *args, const float *values, wn__chunk_body body)
{
    work w = {op, args, wn__few_out(&op->desc), values};
    wn__few_run(op, args->n * w.planes.c, w.planes.plane, body, &w);
}

/* --- norm ------------------------------------------------------------------------------------------------------------------------ */

void wn__few_norm_values(int64_t channels, float *const param[4], float eps, float *values)
{
    for (int64_t c = 0; c < channels; c++) {
        const double mean = param[2][c], factor = param[0][c] * (1 / sqrt((double)param[3][c] + eps));
        values[c] = (float)mean;
        values[channels + c] = (float)factor;
        values[2 * channels + c] = param[1][c];
    }
}

static void normalise_plane(void *arg, int64_t i, int worker)
{
    (void)worker;
    const work *w = arg;
    const wn__planes *p = &w->planes;
    const float *value = w->values + i % p->c;
    wn__few_kernels(w->op)->normalise(wn__lines(p->h * p->w), value[0], value[p->c], value[2 * p->c], wn__op_ceiling(&w->op->desc),
                                      plane_of(w->args->in[0], p, i), plane_of(w->args->in[1], p, i), (float *)w->args->out + i * p->plane);
}

static wn_status normalise(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)first, (void)n;
    wn__few_norm_values(op->desc.out_c, args->param, op->desc.eps, args->scratch);
    run_planes(op, args, args->scratch, normalise_plane);
    return WN_OK;
}

static const wn__op_class norm_class = {.run = {[WN__FORWARD] = normalise}, .release = wn__op_free};

wn_status wn__few_norm(wn__few *device, const wn__op_desc *desc, wn__op **out)
{
    WN_TRY(wn__op_new(&device->base, desc, sizeof **out, &norm_class, "winnow planes", out));
    (*out)->scratch_bytes = (size_t)(3 * desc->out_c) * sizeof(float);
    return WN_OK;
}

/* --- add, dropout ------------------------------------------------------------------------------------------------------------------ */

static void add_plane(void *arg, int64_t i, int worker)
{
    (void)worker;
    const work *w = arg;
    const wn__planes *p = &w->planes;
    wn__few_kernels(w->op)->add(wn__lines(p->h * p->w), wn__op_ceiling(&w->op->desc), plane_of(w->args->in[0], p, i),
                                plane_of(w->args->in[1], p, i), (float *)w->args->out + i * p->plane);
}

static wn_status add(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)first, (void)n;
    run_planes(op, args, NULL, add_plane);
    return WN_OK;
}

static const wn__op_class add_class = {.run = {[WN__FORWARD] = add}, .release = wn__op_free};

wn_status wn__few_add(wn__few *device, const wn__op_desc *desc, wn__op **out)
{
    return wn__op_new(&device->base, desc, sizeof **out, &add_class, "winnow planes", out);
}
