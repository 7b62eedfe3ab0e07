#include "backend/onednn/dnnl_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "backend/onednn/dnnl_api_parts.h"
#include "base/alloc.h"
#include "base/cpu.h"
#include "base/fail.h"

enum { ARG_IN, ARG_WEIGHTS, ARG_BIAS, ARG_OUT, ARG_SCRATCH, ARGS };

struct wn__dnnl_engine {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

typedef struct conversion { /* a reorder with its two memory objects */
    dnnl_primitive_t primitive;
    dnnl_memory_t from, to;
} conversion;

struct wn__dnnl_call {
    wn__dnnl_engine *engine;
    dnnl_primitive_t primitive;
    int id[ARGS]; /* oneDNN's number of an argument; 0 = not used */
    int slots;
    dnnl_memory_t (*memory)[ARGS]; /* per slot */
    conversion weights;            /* to pack or unpack them; none in products */
    size_t scratch_bytes, weight_bytes;
    char name[64];
};

wn_status wn__dnnl_failed(dnnl_status_t status, const char *what)
{
    if (status == dnnl_out_of_memory) return wn__no_memory(0);
    return wn__fail(WN_EUNSUPPORTED, "oneDNN: %s failed with status %d%s", what, (int)status,
                    status == dnnl_unimplemented ? " (not implemented)" : "");
}

/* --- one thread ---------------------------------------------------------------------------------------------------------------- */

/* oneDNN asks the OpenMP runtime it was linked with how many threads to use. That runtime, whichever it is, is loaded with it and found by
 * name, so that the project depends on none. A build of oneDNN without OpenMP has nothing to be told. */
static pthread_once_t looked_up = PTHREAD_ONCE_INIT;
static int (*omp_max_threads)(void);
static void (*omp_set_threads)(int);

static void look_up(void)
{
    void *max = dlsym(RTLD_DEFAULT, "omp_get_max_threads"), *set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (!max || !set) return;
    memcpy(&omp_max_threads, &max, sizeof max);
    memcpy(&omp_set_threads, &set, sizeof set);
}

/* One OpenMP thread for the calling thread, until restore_threads with what this returned. */
static int use_one_thread(void)
{
    pthread_once(&looked_up, look_up);
    if (!omp_set_threads) return 1;
    const int before = omp_max_threads();
    if (before != 1) omp_set_threads(1);
    return before;
}

static void restore_threads(int before)
{
    if (before != 1) omp_set_threads(before);
}

/* --- engine -------------------------------------------------------------------------------------------------------------------- */

/* WINNOW_ISA limits oneDNN alike; has effect only before its first primitive. */
static void limit_isa(void)
{
    static const dnnl_cpu_isa_t limit[] = {[WN__ISA_BASE] = dnnl_cpu_isa_sse41, [WN__ISA_AVX2] = dnnl_cpu_isa_avx2};
    const wn__isa isa = wn__isa_in_use();
    if (isa == WN__ISA_BASE || isa == WN__ISA_AVX2) dnnl_set_max_cpu_isa(limit[isa]);
}

wn_status wn__dnnl_open(wn__dnnl_engine **out)
{
    limit_isa();
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
    snprintf(text, size, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
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
    wn__dnnl_sizes s = {
        .src_dims = 4, .weight_dims = 4, .linear = d->kind == WN__OP_LINEAR, .bias_used = d->bias && direction == WN__DNNL_FORWARD};
    s.activations = dtype == WN__BF16 ? dnnl_bf16 : dnnl_f32;
    s.weight_type = direction == WN__DNNL_WEIGHTS ? dnnl_f32 : s.activations;
    s.dst_dims = s.linear ? 2 : 4;
    set_dims(s.src, d->n, d->in_c, d->in_h, d->in_w);
    set_dims(s.dst, d->n, d->out_c, d->out_h, d->out_w);
    s.bias[0] = d->out_c;
    if (s.linear && (d->in_c == 1 || d->in_h * d->in_w == 1)) {
        s.src_dims = s.weight_dims = 2;
        s.src[1] = s.weights[1] = d->in_c * d->in_h * d->in_w;
        s.weights[0] = d->out_c;
    } else if (s.linear) {
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

wn__dnnl_product_sizes wn__dnnl_product_sizes_of(const wn__dnnl_product *p)
{
    return (wn__dnnl_product_sizes){.a = {p->rows, p->n},
                                    .a_strides = {1, p->a_stride},
                                    .b = {p->n, p->columns},
                                    .out = {p->rows, p->columns},
                                    .type = p->dtype == WN__BF16 ? dnnl_bf16 : dnnl_f32};
}

static const char *name_of(const_dnnl_primitive_desc_t pd)
{
    const char *name = "";
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name);
    return name;
}

/* On images of a few pixels the batch-reduce kernels of AVX-512 are slower than the next ones (measured with 2.6.3: by a third and more). */
static bool is_slow(const wn__op_desc *d, wn__dnnl_direction direction, const char *name)
{
    return direction == WN__DNNL_FORWARD && d->kind == WN__OP_CONV && d->out_h * d->out_w <= 16 &&
           (strcmp(name, "brgconv:avx512_core") == 0 || strcmp(name, "brgconv:avx512_core_bf16") == 0);
}

static wn_status describe_best(wn__dnnl_engine *e, const wn__op_desc *d, wn__dtype dtype, wn__dnnl_direction direction,
                               const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t second;
    WN_TRY(wn__dnnl_describe_layer(e->engine, d, dtype, direction, attributes, hint, 0, out));
    if (!is_slow(d, direction, name_of(*out))) return WN_OK;
    if (wn__dnnl_describe_layer(e->engine, d, dtype, direction, attributes, hint, 1, &second) != WN_OK) return WN_OK;
    dnnl_primitive_desc_destroy(*out);
    *out = second;
    return WN_OK;
}

/* Scratch memory comes from the caller, so that a step allocates nothing. */
static wn_status new_attributes(dnnl_primitive_attr_t *out)
{
    DNNL_TRY(dnnl_primitive_attr_create(out));
    const dnnl_status_t status = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    if (status == dnnl_success) return WN_OK;
    dnnl_primitive_attr_destroy(*out);
    return wn__dnnl_failed(status, "asking for scratch memory of the caller's");
}

/* Backward descriptors want the forward one as a hint. */
static wn_status make_descriptor(wn__dnnl_engine *e, const wn__op_desc *d, wn__dtype dtype, wn__dnnl_direction direction,
                                 dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t hint = NULL;
    dnnl_primitive_attr_t attributes;
    WN_TRY(new_attributes(&attributes));
    wn_status status = WN_OK;
    if (direction != WN__DNNL_FORWARD) status = wn__dnnl_describe_layer(e->engine, d, dtype, WN__DNNL_FORWARD, attributes, NULL, 0, &hint);
    if (status == WN_OK) status = describe_best(e, d, dtype, direction, attributes, hint, out);
    dnnl_primitive_attr_destroy(attributes);
    if (hint) dnnl_primitive_desc_destroy(hint);
    return status;
}

/* --- calls --------------------------------------------------------------------------------------------------------------------- */

static void set_ids(wn__dnnl_call *call, wn__dnnl_direction direction, bool bias)
{
    static const int ids[][ARGS] = {
        [WN__DNNL_FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD},
        [WN__DNNL_DATA] = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, 0, DNNL_ARG_DIFF_SRC, DNNL_ARG_SCRATCHPAD},
        [WN__DNNL_WEIGHTS] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, 0, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_SCRATCHPAD},
    };
    memcpy(call->id, ids[direction], sizeof call->id);
    if (!bias) call->id[ARG_BIAS] = 0;
}

/* The primitive, and memory objects of its arguments in every slot. */
static wn_status make_primitive(wn__dnnl_call *call, const_dnnl_primitive_desc_t pd)
{
    snprintf(call->name, sizeof call->name, "%s", name_of(pd));
    DNNL_TRY(dnnl_primitive_create(&call->primitive, pd));
    call->scratch_bytes = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, DNNL_ARG_SCRATCHPAD));
    call->memory = wn__alloc_array(call->slots, sizeof *call->memory);
    if (!call->memory) return wn__no_memory((size_t)call->slots * sizeof *call->memory);
    for (int slot = 0; slot < call->slots; slot++)
        for (int i = 0; i < ARGS; i++) {
            if (!call->id[i]) continue;
            wn__dnnl_layout layout = dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, call->id[i]);
            DNNL_TRY(dnnl_memory_create(&call->memory[slot][i], layout, call->engine->engine, DNNL_MEMORY_NONE));
        }
    return WN_OK;
}

/* Between the plain layout and the primitive's own weights: towards them, or for WEIGHTS away from them. */
static wn_status make_conversion(wn__dnnl_call *call, const wn__op_desc *d, wn__dnnl_direction direction, const_dnnl_primitive_desc_t pd)
{
    const bool away = direction == WN__DNNL_WEIGHTS;
    wn__dnnl_layout own = dnnl_primitive_desc_query_md(pd, away ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0), from, to;
    dnnl_memory_t plain, mine;
    dnnl_primitive_desc_t reorder;
    call->weight_bytes = dnnl_memory_desc_get_size(own);
    WN_TRY(wn__dnnl_plain_weights(call->engine->engine, d, &plain));
    *(away ? &call->weights.to : &call->weights.from) = plain;
    DNNL_TRY(dnnl_memory_create(&mine, own, call->engine->engine, DNNL_MEMORY_NONE));
    *(away ? &call->weights.from : &call->weights.to) = mine;
    DNNL_TRY(dnnl_memory_get_memory_desc(call->weights.from, &from));
    DNNL_TRY(dnnl_memory_get_memory_desc(call->weights.to, &to));
    DNNL_TRY(dnnl_reorder_primitive_desc_create(&reorder, from, call->engine->engine, to, call->engine->engine, NULL));
    const dnnl_status_t status = dnnl_primitive_create(&call->weights.primitive, reorder);
    dnnl_primitive_desc_destroy(reorder);
    return status == dnnl_success ? WN_OK : wn__dnnl_failed(status, "making a reorder of weights");
}

static wn_status make_layer(wn__dnnl_call *call, const wn__op_desc *d, wn__dtype dtype, wn__dnnl_direction direction)
{
    dnnl_primitive_desc_t pd;
    WN_TRY(make_descriptor(call->engine, d, dtype, direction, &pd));
    wn_status status = make_primitive(call, pd);
    if (status == WN_OK) status = make_conversion(call, d, direction, pd);
    dnnl_primitive_desc_destroy(pd);
    return status;
}

static wn_status make_product(wn__dnnl_call *call, const wn__dnnl_product *product)
{
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t pd;
    WN_TRY(new_attributes(&attributes));
    wn_status status = wn__dnnl_describe_product(call->engine->engine, product, attributes, &pd);
    dnnl_primitive_attr_destroy(attributes);
    WN_TRY(status);
    status = make_primitive(call, pd);
    dnnl_primitive_desc_destroy(pd);
    return status;
}

static wn_status new_call(wn__dnnl_engine *engine, int slots, wn__dnnl_call **out)
{
    wn__dnnl_call *call = WN_NEW(wn__dnnl_call);
    if (!call) return wn__no_memory(sizeof *call);
    call->engine = engine;
    call->slots = slots;
    *out = call;
    return WN_OK;
}

static wn_status keep_or_free(wn_status status, wn__dnnl_call *call, wn__dnnl_call **out)
{
    if (status == WN_OK)
        *out = call;
    else
        wn__dnnl_call_free(call);
    return status;
}

wn_status wn__dnnl_layer_new(wn__dnnl_engine *engine, const wn__op_desc *desc, wn__dtype dtype, wn__dnnl_direction direction, int64_t n,
                             int slots, wn__dnnl_call **out)
{
    wn__dnnl_call *call;
    wn__op_desc piece = *desc;
    piece.n = n;
    WN_TRY(new_call(engine, slots, &call));
    set_ids(call, direction, desc->bias && direction == WN__DNNL_FORWARD);
    const int before = use_one_thread();
    const wn_status status = make_layer(call, &piece, dtype, direction);
    restore_threads(before);
    return keep_or_free(status, call, out);
}

wn_status wn__dnnl_product_new(wn__dnnl_engine *engine, const wn__dnnl_product *product, int slots, wn__dnnl_call **out)
{
    wn__dnnl_call *call;
    WN_TRY(new_call(engine, slots, &call));
    set_ids(call, WN__DNNL_FORWARD, false);
    const int before = use_one_thread();
    const wn_status status = make_product(call, product);
    restore_threads(before);
    return keep_or_free(status, call, out);
}

void wn__dnnl_call_free(wn__dnnl_call *call)
{
    if (!call) return;
    for (int slot = 0; call->memory && slot < call->slots; slot++)
        for (int i = 0; i < ARGS; i++)
            if (call->memory[slot][i]) dnnl_memory_destroy(call->memory[slot][i]);
    if (call->weights.from) dnnl_memory_destroy(call->weights.from);
    if (call->weights.to) dnnl_memory_destroy(call->weights.to);
    if (call->weights.primitive) dnnl_primitive_destroy(call->weights.primitive);
    if (call->primitive) dnnl_primitive_destroy(call->primitive);
    wn__free(call->memory);
    wn__free(call);
}

const char *wn__dnnl_name(const wn__dnnl_call *call) { return call->name; }
size_t wn__dnnl_scratch_bytes(const wn__dnnl_call *call) { return call->scratch_bytes; }
size_t wn__dnnl_weight_bytes(const wn__dnnl_call *call) { return call->weight_bytes; }

/* --- running ------------------------------------------------------------------------------------------------------------------- */

static wn_status execute(wn__dnnl_engine *e, const_dnnl_primitive_t primitive, int count, const dnnl_exec_arg_t *args)
{
    const int before = use_one_thread();
    const dnnl_status_t status = dnnl_primitive_execute(primitive, e->stream, count, args);
    restore_threads(before);
    return status == dnnl_success ? WN_OK : wn__dnnl_failed(status, "running a primitive");
}

wn_status wn__dnnl_run(wn__dnnl_call *call, int slot, const wn__dnnl_buffers *b)
{
    void *const data[ARGS] = {(void *)b->in, (void *)b->weights, (void *)b->bias, b->out, b->scratch};
    dnnl_exec_arg_t args[ARGS];
    int count = 0;
    for (int i = 0; i < ARGS; i++) {
        if (!call->id[i]) continue;
        DNNL_TRY(dnnl_memory_set_data_handle(call->memory[slot][i], data[i]));
        args[count++] = (dnnl_exec_arg_t){call->id[i], call->memory[slot][i]};
    }
    return execute(call->engine, call->primitive, count, args);
}

static wn_status convert(wn__dnnl_call *call, const void *from, void *to)
{
    DNNL_TRY(dnnl_memory_set_data_handle(call->weights.from, (void *)from));
    DNNL_TRY(dnnl_memory_set_data_handle(call->weights.to, to));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, call->weights.from}, {DNNL_ARG_TO, call->weights.to}};
    return execute(call->engine, call->weights.primitive, 2, args);
}

wn_status wn__dnnl_pack(wn__dnnl_call *call, const float *plain, void *packed) { return convert(call, plain, packed); }
wn_status wn__dnnl_unpack(wn__dnnl_call *call, const void *packed, float *plain) { return convert(call, packed, plain); }
