/* ONNX models in memory, piece by piece. The first failure is kept and told by wn__onnx_write, so that calls are chained unchecked. */
#ifndef WN_EXCHANGE_ONNX_BUILDER_H
#define WN_EXCHANGE_ONNX_BUILDER_H

#include "base/files.h"
#include "exchange/onnx.pb-c.h"

typedef struct wn__onnx_builder {
    Wn__Onnx__ModelProto *model; /* owned */
    wn_status status;            /* the first failure */
    wn__replace *external;       /* NULL, or where weights go, and... */
    const char *external_name;   /* ... what the model calls that file */
    int64_t external_size;
} wn__onnx_builder;

enum { WN__ONNX_FLOAT = 1, WN__ONNX_UINT8 = 2, WN__ONNX_INT64 = 7 };

void wn__onnx_begin(wn__onnx_builder *b, const char *graph, int opset);
void wn__onnx_meta(wn__onnx_builder *b, const char *key, const char *value);
/* dim (ndim): -1 is the batch, of any size. */
void wn__onnx_input(wn__onnx_builder *b, const char *name, int type, int ndim, const int64_t *dim);
void wn__onnx_output(wn__onnx_builder *b, const char *name, int type, int ndim, const int64_t *dim);

/* Initializers. Large ones go to the external file, if there is one. */
void wn__onnx_floats(wn__onnx_builder *b, const char *name, int ndim, const int64_t *dim, const float *values);
void wn__onnx_ints(wn__onnx_builder *b, const char *name, int count, const int64_t *values);
/* What is not zero, with its places. */
void wn__onnx_sparse_floats(wn__onnx_builder *b, const char *name, int ndim, const int64_t *dim, const float *values);

/* A node of up to five inputs and one output; attributes follow it. */
void wn__onnx_node(wn__onnx_builder *b, const char *type, const char *name, const char *output, const char *const *input, int inputs);
void wn__onnx_int(wn__onnx_builder *b, const char *attribute, int64_t value);
void wn__onnx_int_list(wn__onnx_builder *b, const char *attribute, int count, const int64_t *values);
void wn__onnx_float(wn__onnx_builder *b, const char *attribute, float value);

/* WN_EUNSUPPORTED: 2 GiB and more in one file, which no reader takes. */
wn_status wn__onnx_write(wn__onnx_builder *b, const char *path);
void wn__onnx_release(wn__onnx_builder *b); /* accepts a zeroed one */

#endif
