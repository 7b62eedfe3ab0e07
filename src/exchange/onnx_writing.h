/* A network on its way to ONNX, and what writes the nodes of one kind: a file of src/exchange/onnx/ and a line of onnx/list.h. */
#ifndef WN_EXCHANGE_ONNX_WRITING_H
#define WN_EXCHANGE_ONNX_WRITING_H

#include "exchange/format.h"
#include "exchange/inference.h"
#include "exchange/onnx_builder.h"

enum { WN__ONNX_NAME = 320 };

typedef struct wn__onnx_writing {
    const wn__exported *network;
    const wn__export_how *how;
    wn__inference program;
    wn__onnx_builder b;
    bool *flat; /* (ops) its value is (batch, channels) */
    bool clips; /* the lower bound of a clip is there */
} wn__onnx_writing;

/* Of a kind's inputs: (batch, channels), (batch, channels, height, width), or either, which its output then is, too. */
typedef enum wn__onnx_form { WN__ONNX_ANY, WN__ONNX_FLAT, WN__ONNX_PLANES } wn__onnx_form;

typedef struct wn__onnx_entry {
    const char *kind; /* of nodes */
    wn__onnx_form form;
    /* The node that makes `out` of the inputs. */
    wn_status (*add)(wn__onnx_writing *w, const wn__inference_op *op, const char *const *in, const char *out);
} wn__onnx_entry;

const wn__param_spec *wn__onnx_param(const wn__onnx_writing *w, const wn__node *node, int slot);
/* A parameter of a node as an initializer; its name. */
const char *wn__onnx_add_param(wn__onnx_writing *w, const wn__node *node, int slot);
/* Weight and bias of a layer, by name. A bias that a batch norm has left is named as the layer's would be. Inputs of the node, the value first. */
int wn__onnx_add_layer(wn__onnx_writing *w, const wn__inference_op *op, const char *input[3], char bias[WN__ONNX_NAME]);
/* Attributes of windows. */
void wn__onnx_add_window(wn__onnx_writing *w, const wn__node *node);

#endif
