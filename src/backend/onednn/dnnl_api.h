/* The part of oneDNN that the backend uses, behind one small header. What differs between 2.x and 3.x is in dnnl_v2.c and
 * dnnl_v3.c.
 *
 * Activations are nhwc, float32 or bfloat16. Weights, biases and their gradients are float32 in plain (out, in/groups, kh, kw) order at this
 * border; each primitive keeps the layout and dtype that it wants for itself, and reorders.
 */
#ifndef WN_ONEDNN_DNNL_API_H
#define WN_ONEDNN_DNNL_API_H

#include "backend/backend.h"

typedef enum wn__dnnl_direction { WN__DNNL_FORWARD, WN__DNNL_DATA, WN__DNNL_WEIGHTS, WN__DNNL_DIRECTIONS } wn__dnnl_direction;

typedef struct wn__dnnl_engine wn__dnnl_engine;
typedef struct wn__dnnl_primitive wn__dnnl_primitive;

/* threads: of OpenMP, which oneDNN computes with. Limited by WINNOW_ISA. */
wn_status wn__dnnl_open(int threads, wn__dnnl_engine **out);
void wn__dnnl_close(wn__dnnl_engine *engine);
void wn__dnnl_describe(char *text, size_t size);
bool wn__dnnl_has_bf16(void);

/* Convolution or linear layer of `desc` (kinds CONV, LINEAR). FORWARD adds the bias, but leaves ReLU to
 * the caller (oneDNN's own turns a NaN into 0); WEIGHTS makes the bias gradient too.
 * WN_EUNSUPPORTED with oneDNN's word if it cannot. */
wn_status wn__dnnl_prepare(wn__dnnl_engine *engine, const wn__op_desc *desc, wn__dtype dtype, wn__dnnl_direction direction,
                           wn__dnnl_primitive **out);
void wn__dnnl_release(wn__dnnl_primitive *p); /* accepts NULL */
size_t wn__dnnl_scratch_bytes(const wn__dnnl_primitive *p);
const char *wn__dnnl_implementation(const wn__dnnl_primitive *p);

/* FORWARD, DATA: take new weights into the primitive's own copy. */
wn_status wn__dnnl_pack(wn__dnnl_primitive *p, const float *weight, const float *bias);
/* FORWARD: a = in, b = out. DATA: a = dout, b = din. */
wn_status wn__dnnl_execute(wn__dnnl_primitive *p, const void *a, void *b, void *scratch);
/* WEIGHTS: gradients from in and dout; dweight (and dbias, unless NULL) are overwritten or added to. */
wn_status wn__dnnl_weights(wn__dnnl_primitive *p, const void *in, const void *dout, float *dweight, float *dbias, bool accumulate,
                           void *scratch);

#endif
