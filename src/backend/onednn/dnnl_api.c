#include "backend/onednn/dnnl_api.h"

#include <stdio.h>
#include <string.h>

#include "backend/onednn/dnnl_version.h"
#include "base/alloc.h"
#include "base/cpu.h"
#include "base/fail.h"

extern void omp_set_num_threads(int threads); /* of the OpenMP runtime that oneDNN is linked to; clang ships no omp.h */

struct wn__dnnl_engine {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

/* A reordering of weights between the plain layout and a primitive's own; primitive NULL = the layouts are equal, copy. */
typedef struct reorder {
    dnnl_primitive_t primitive;
    dnnl_memory_t from, to;
} reorder;

struct wn__dnnl_primitive {
    wn__dnnl_engine *engine;
    wn__dnnl_direction direction;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arg[5]; /* two activations, weights, [bias], scratch */
    int args, scratch_arg;
    void *weights, *bias;             /* own copies; bias float32 */
    float *plain;                     /* WEIGHTS: gradient in plain order before it is added */
    int64_t weight_count, bias_count; /* bias_count 0 = none */
    reorder pack;                     /* plain -> own, or own -> plain for WEIGHTS */
    size_t scratch_bytes;
    char implementation[64];
};

wn_status wn__dnnl_failed(dnnl_status_t status, const char *what)
{
    if (status == dnnl_out_of_memory) return wn__no_memory(0);
    return wn__fail(WN_EUNSUPPORTED, "oneDNN: %s failed with status %d%s", what, (int)status,
                    status == dnnl_unimplemented ? " (not implemented)" : "");
}

/* --- engine -------------------------------------------------------------------------------------------------------------------- */

/* WINNOW_ISA limits oneDNN alike; has effect only before its first primitive. */
static void limit_isa(void)
{
    static const dnnl_cpu_isa_t limit[] = {[WN__ISA_BASE] = dnnl_cpu_isa_sse41, [WN__ISA_AVX2] = dnnl_cpu_isa_avx2};
    const wn__isa isa = wn__isa_in_use();
    if (isa == WN__ISA_BASE || isa == WN__ISA_AVX2) dnnl_set_max_cpu_isa(limit[isa]);
}

wn_status wn__dnnl_open(int threads, wn__dnnl_engine **out)
{
    limit_isa();
    omp_set_num_threads(threads);
    wn__dnnl_engine *e = WN_NEW(wn__dnnl_engine);
    if (!e) return wn__no_memory(sizeof *e);
    dnnl_status_t status = dnnl_engine_create(&e->engine, dnnl_cpu, 0);
    if (status == dnnl_success) status = dnnl_stream_create(&e->stream, e->engine, dnnl_stream_default_flags);
    if (status != dnnl_success) {
        wn__dnnl_close(e);
        return wn__dnnl_failed(status, "creating the CPU engine");
    }
    *out = e;
    return WN_OK;
}

void wn__dnnl_close(wn__dnnl_engine *e)
{
    if (!e) return;
    if (e->stream) dnnl_stream_destroy(e->stream);
    if (e->engine) dnnl_engine_destroy(e->engine);
    wn__free(e);
}

void wn__dnnl_describe(char *text, size_t size)
{
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, size, "oneDNN %d.%d.%d, %s", v->major, v->minor, v->patch,
             v->cpu_runtime == DNNL_RUNTIME_OMP ? "OpenMP" : "own threads");
}

/* All sets with bfloat16 arithmetic lie above AVX512-core as bit masks, and share its bit. */
bool wn__dnnl_has_bf16(void)
{
    limit_isa();
    const unsigned bf16 = dnnl_cpu_isa_avx512_core_bf16;
    return ((unsigned)dnnl_get_effective_cpu_isa() & bf16) == bf16;
}

/* --- descriptors --------------------------------------------------------------------------------------------------------------- */

static void set_dims(dnnl_dim_t *dims, int64_t a, int64_t b, int64_t c, int64_t d)
{
    dims[0] = a;
    dims[1] = b;
    dims[2] = c;
    dims[3] = d;
}

wn__dnnl_sizes wn__dnnl_sizes_of(const wn__op_desc *d, wn__dtype dtype, wn__dnnl_direction direction)
{
    wn__dnnl_sizes s = {.weight_dims = 4, .linear = d->kind == WN__OP_LINEAR, .bias_used = d->bias && direction != WN__DNNL_DATA};
    s.activations = dtype == WN__BF16 ? dnnl_bf16 : dnnl_f32;
    s.weight_type = direction == WN__DNNL_WEIGHTS ? dnnl_f32 : s.activations;
    s.dst_dims = s.linear ? 2 : 4;
    set_dims(s.src, d->n, d->in_c, d->in_h, d->in_w);
    set_dims(s.dst, d->n, d->out_c, d->out_h, d->out_w);
    s.bias[0] = d->out_c;
    if (s.linear) {
        set_dims(s.weights, d->out_c, d->in_c, d->in_h, d->in_w);
    } else if (d->groups == 1) {
        set_dims(s.weights, d->out_c, d->in_c, d->kernel_h, d->kernel_w);
    } else {
        s.weight_dims = 5;
        s.weights[0] = d->groups;
        set_dims(s.weights + 1, d->out_c / d->groups, d->in_c / d->groups, d->kernel_h, d->kernel_w);
    }
    for (int i = 0; i < 2; i++) {
        const int64_t in = i ? d->in_w : d->in_h, out = i ? d->out_w : d->out_h, kernel = i ? d->kernel_w : d->kernel_h;
        s.strides[i] = d->stride;
        s.pad_low[i] = d->pad;
        s.pad_high[i] = (out - 1) * d->stride + kernel - in - d->pad;
    }
    return s;
}

/* Scratch memory comes from the caller, so that a step allocates nothing. Backward descriptors want the forward one as a hint. */
static wn_status make_descriptor(wn__dnnl_engine *e, const wn__op_desc *d, wn__dtype dtype, wn__dnnl_direction direction,
                                 dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t hint = NULL;
    dnnl_primitive_attr_t attributes;
    DNNL_TRY(dnnl_primitive_attr_create(&attributes));
    wn_status status = WN_OK;
    if (dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) != dnnl_success)
        status = wn__dnnl_failed(dnnl_invalid_arguments, "asking for scratch memory of the caller's");
    if (status == WN_OK && direction != WN__DNNL_FORWARD) status = make_descriptor(e, d, dtype, WN__DNNL_FORWARD, &hint);
    if (status == WN_OK) status = wn__dnnl_describe_layer(e->engine, d, dtype, direction, attributes, hint, out);
    dnnl_primitive_attr_destroy(attributes);
    if (hint) dnnl_primitive_desc_destroy(hint);
    return status;
}

/* --- primitives ---------------------------------------------------------------------------------------------------------------- */

static wn_status new_memory(wn__dnnl_engine *e, wn__dnnl_layout desc, void *handle, dnnl_memory_t *out)
{
    DNNL_TRY(dnnl_memory_create(out, desc, e->engine, handle));
    return WN_OK;
}

static wn_status add_argument(wn__dnnl_primitive *p, int arg, wn__dnnl_layout desc, void *handle)
{
    p->arg[p->args].arg = arg;
    WN_TRY(new_memory(p->engine, desc, handle, &p->arg[p->args].memory));
    p->args++;
    return WN_OK;
}

static wn_status add_own_argument(wn__dnnl_primitive *p, int arg, wn__dnnl_layout desc, void **buffer)
{
    const size_t bytes = dnnl_memory_desc_get_size(desc);
    if (!(*buffer = wn__alloc(bytes))) return wn__no_memory(bytes);
    return add_argument(p, arg, desc, *buffer);
}

/* Between the plain layout and the primitive's own weights: towards them, or for WEIGHTS away from them. */
static wn_status make_reorder(wn__dnnl_primitive *p, const wn__op_desc *d, wn__dnnl_layout own)
{
    dnnl_primitive_desc_t pd;
    dnnl_memory_t plain, mine;
    const bool away = p->direction == WN__DNNL_WEIGHTS;
    WN_TRY(wn__dnnl_plain_weights(p->engine->engine, d, &plain));
    *(away ? &p->pack.to : &p->pack.from) = plain;
    WN_TRY(new_memory(p->engine, own, NULL, &mine));
    *(away ? &p->pack.from : &p->pack.to) = mine;
    wn__dnnl_layout from, to;
    DNNL_TRY(dnnl_memory_get_memory_desc(p->pack.from, &from));
    DNNL_TRY(dnnl_memory_get_memory_desc(p->pack.to, &to));
    if (dnnl_memory_desc_equal(from, to)) return WN_OK;
    DNNL_TRY(dnnl_reorder_primitive_desc_create(&pd, from, p->engine->engine, to, p->engine->engine, NULL));
    const dnnl_status_t status = dnnl_primitive_create(&p->pack.primitive, pd);
    dnnl_primitive_desc_destroy(pd);
    return status == dnnl_success ? WN_OK : wn__dnnl_failed(status, "making a reorder of weights");
}

static wn_status run_reorder(const wn__dnnl_primitive *p, const void *from, void *to)
{
    if (!p->pack.primitive) {
        memcpy(to, from, (size_t)p->weight_count * sizeof(float));
        return WN_OK;
    }
    DNNL_TRY(dnnl_memory_set_data_handle(p->pack.from, (void *)from));
    DNNL_TRY(dnnl_memory_set_data_handle(p->pack.to, to));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, p->pack.from}, {DNNL_ARG_TO, p->pack.to}};
    DNNL_TRY(dnnl_primitive_execute(p->pack.primitive, p->engine->stream, 2, args));
    DNNL_TRY(dnnl_stream_wait(p->engine->stream));
    return WN_OK;
}

static wn_status add_arguments(wn__dnnl_primitive *p, const wn__op_desc *d, const_dnnl_primitive_desc_t pd)
{
    static const struct {
        int arg[2];
        dnnl_query_t layout[2];
    } activations[WN__DNNL_DIRECTIONS] = {
        [WN__DNNL_FORWARD] = {{DNNL_ARG_SRC, DNNL_ARG_DST}, {dnnl_query_src_md, dnnl_query_dst_md}},
        [WN__DNNL_DATA] = {{DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC}, {dnnl_query_diff_dst_md, dnnl_query_diff_src_md}},
        [WN__DNNL_WEIGHTS] = {{DNNL_ARG_SRC, DNNL_ARG_DIFF_DST}, {dnnl_query_src_md, dnnl_query_diff_dst_md}}};
    const bool backward = p->direction == WN__DNNL_WEIGHTS;
    const dnnl_query_t of_weights = backward ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
    wn__dnnl_layout weights = dnnl_primitive_desc_query_md(pd, of_weights, 0),
                    scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    for (int i = 0; i < 2; i++)
        WN_TRY(add_argument(p, activations[p->direction].arg[i], dnnl_primitive_desc_query_md(pd, activations[p->direction].layout[i], 0),
                            NULL));
    WN_TRY(add_own_argument(p, backward ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, weights, &p->weights));
    if (d->bias && p->direction != WN__DNNL_DATA) {
        p->bias_count = d->out_c;
        WN_TRY(
            add_own_argument(p, backward ? DNNL_ARG_DIFF_BIAS : DNNL_ARG_BIAS, dnnl_primitive_desc_query_md(pd, of_weights, 1), &p->bias));
    }
    p->scratch_bytes = dnnl_memory_desc_get_size(scratch);
    p->scratch_arg = p->args;
    WN_TRY(add_argument(p, DNNL_ARG_SCRATCHPAD, scratch, NULL));
    p->weight_count =
        d->kind == WN__OP_LINEAR ? d->out_c * d->in_c * d->in_h * d->in_w : d->out_c * (d->in_c / d->groups) * d->kernel_h * d->kernel_w;
    if (backward && !(p->plain = WN_NEW_ARRAY(float, p->weight_count))) return wn__no_memory((size_t)p->weight_count * sizeof(float));
    return make_reorder(p, d, weights);
}

wn_status wn__dnnl_prepare(wn__dnnl_engine *e, const wn__op_desc *d, wn__dtype dtype, wn__dnnl_direction direction,
                           wn__dnnl_primitive **out)
{
    dnnl_primitive_desc_t pd = NULL;
    wn__dnnl_primitive *p = WN_NEW(wn__dnnl_primitive);
    if (!p) return wn__no_memory(sizeof *p);
    p->engine = e;
    p->direction = direction;
    wn_status status = make_descriptor(e, d, dtype, direction, &pd);
    if (status == WN_OK) {
        const char *name = "";
        dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name);
        snprintf(p->implementation, sizeof p->implementation, "%s", name);
        const dnnl_status_t s = dnnl_primitive_create(&p->primitive, pd);
        status = s == dnnl_success ? add_arguments(p, d, pd) : wn__dnnl_failed(s, "creating a primitive");
        dnnl_primitive_desc_destroy(pd);
    }
    if (status == WN_OK)
        *out = p;
    else
        wn__dnnl_release(p);
    return status;
}

void wn__dnnl_release(wn__dnnl_primitive *p)
{
    if (!p) return;
    for (int i = 0; i < p->args; i++)
        dnnl_memory_destroy(p->arg[i].memory);
    if (p->pack.from) dnnl_memory_destroy(p->pack.from);
    if (p->pack.to) dnnl_memory_destroy(p->pack.to);
    if (p->pack.primitive) dnnl_primitive_destroy(p->pack.primitive);
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    wn__free(p->weights);
    wn__free(p->bias);
    wn__free(p->plain);
    wn__free(p);
}

size_t wn__dnnl_scratch_bytes(const wn__dnnl_primitive *p) { return p->scratch_bytes; }

const char *wn__dnnl_implementation(const wn__dnnl_primitive *p) { return p->implementation; }

wn_status wn__dnnl_pack(wn__dnnl_primitive *p, const float *weight, const float *bias)
{
    if (p->bias_count) memcpy(p->bias, bias, (size_t)p->bias_count * sizeof(float));
    return run_reorder(p, weight, p->weights);
}

static wn_status run(wn__dnnl_primitive *p, const void *a, const void *b, void *scratch)
{
    DNNL_TRY(dnnl_memory_set_data_handle(p->arg[0].memory, (void *)a));
    DNNL_TRY(dnnl_memory_set_data_handle(p->arg[1].memory, (void *)b));
    DNNL_TRY(dnnl_memory_set_data_handle(p->arg[p->scratch_arg].memory, scratch));
    DNNL_TRY(dnnl_primitive_execute(p->primitive, p->engine->stream, p->args, p->arg));
    DNNL_TRY(dnnl_stream_wait(p->engine->stream));
    return WN_OK;
}

wn_status wn__dnnl_execute(wn__dnnl_primitive *p, const void *a, void *b, void *scratch) { return run(p, a, b, scratch); }

static void deliver(const float *from, float *to, int64_t count, bool accumulate)
{
    if (accumulate)
        for (int64_t i = 0; i < count; i++)
            to[i] += from[i];
    else
        memcpy(to, from, (size_t)count * sizeof(float));
}

wn_status wn__dnnl_weights(wn__dnnl_primitive *p, const void *in, const void *dout, float *dweight, float *dbias, bool accumulate,
                           void *scratch)
{
    WN_TRY(run(p, in, dout, scratch));
    WN_TRY(run_reorder(p, p->weights, accumulate ? p->plain : dweight));
    if (accumulate) deliver(p->plain, dweight, p->weight_count, true);
    if (dbias) deliver(p->bias, dbias, p->bias_count, accumulate);
    return WN_OK;
}
