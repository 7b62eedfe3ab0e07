#include "exchange/onnx_builder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "winnow/core.h"

enum { WITHIN = 1024 }; /* bytes of tensors that stay in the model beside an external file */

/* ---- memory: all of it belongs to the model, which protobuf-c releases */

static void *take(void *unused, size_t size)
{
    (void)unused;
    return wn__alloc(size);
}

static void give_back(void *unused, void *pointer)
{
    (void)unused;
    wn__free(pointer);
}

static ProtobufCAllocator allocator = {.alloc = take, .free = give_back};

static bool keep(wn__onnx_builder *b, wn_status status)
{
    if (b->status == WN_OK) b->status = status;
    return b->status == WN_OK;
}

static char *text(wn__onnx_builder *b, const char *value)
{
    char *copy = b->status == WN_OK ? wn__strdup(value) : NULL;
    if (!copy && b->status == WN_OK) keep(b, wn__no_memory(strlen(value)));
    return copy;
}

/* A new message at the end of an array of pointers to them; NULL after a failure. */
static void *append(wn__onnx_builder *b, void *array, size_t *count, size_t size, const void *initial)
{
    void **list;
    void *message;
    if (b->status != WN_OK || !keep(b, wn__make_room(array, (int64_t)*count, sizeof(void *)))) return NULL;
    if (!(message = wn__alloc(size))) {
        keep(b, wn__no_memory(size));
        return NULL;
    }
    memcpy(message, initial, size);
    memcpy(&list, array, sizeof list);
    list[(*count)++] = message;
    return message;
}
#define APPEND(b, parent, field, type, init) ((type *)append((b), &(parent)->field, &(parent)->n_##field, sizeof(type), &(type)init))

/* A message of its own. */
static void *new_message(wn__onnx_builder *b, size_t size, const void *initial)
{
    void *message = b->status == WN_OK ? wn__alloc(size) : NULL;
    if (message)
        memcpy(message, initial, size);
    else if (b->status == WN_OK)
        keep(b, wn__no_memory(size));
    return message;
}

static bool copy_ints(wn__onnx_builder *b, int count, const int64_t *values, size_t *n, int64_t **out)
{
    if (!count) return true;
    if (!(*out = WN_NEW_ARRAY(int64_t, count))) return keep(b, wn__no_memory((size_t)count * sizeof **out));
    memcpy(*out, values, (size_t)count * sizeof **out);
    *n = (size_t)count;
    return true;
}

/* ---- the model */

void wn__onnx_begin(wn__onnx_builder *b, const char *graph, int opset)
{
    /* The IR version that each release of ONNX had with its operators. */
    const int ir = opset < 11   ? 5
                   : opset < 12 ? 6
                   : opset < 15 ? 7
                   : opset < 19 ? 8
                   : opset < 21 ? 9
                   : opset < 23 ? 10
                   : opset < 24 ? 11
                                : 12;
    b->model = new_message(b, sizeof *b->model, &(Wn__Onnx__ModelProto)WN__ONNX__MODEL_PROTO__INIT);
    if (!b->model) return;
    b->model->has_ir_version = true;
    b->model->ir_version = ir;
    b->model->producer_name = text(b, "winnow");
    b->model->producer_version = text(b, wn_version());
    Wn__Onnx__OperatorSetIdProto *set =
        APPEND(b, b->model, opset_import, Wn__Onnx__OperatorSetIdProto, WN__ONNX__OPERATOR_SET_ID_PROTO__INIT);
    if (!set) return;
    set->domain = text(b, "");
    set->has_version = true;
    set->version = opset;
    b->model->graph = new_message(b, sizeof *b->model->graph, &(Wn__Onnx__GraphProto)WN__ONNX__GRAPH_PROTO__INIT);
    if (b->model->graph) b->model->graph->name = text(b, graph);
}

void wn__onnx_meta(wn__onnx_builder *b, const char *key, const char *value)
{
    if (b->status != WN_OK) return;
    Wn__Onnx__StringStringEntryProto *entry =
        APPEND(b, b->model, metadata_props, Wn__Onnx__StringStringEntryProto, WN__ONNX__STRING_STRING_ENTRY_PROTO__INIT);
    if (!entry) return;
    entry->key = text(b, key);
    entry->value = text(b, value);
}

static void add_dim(wn__onnx_builder *b, Wn__Onnx__TensorShapeProto *shape, int64_t size)
{
    Wn__Onnx__TensorShapeProto__Dimension *d =
        APPEND(b, shape, dim, Wn__Onnx__TensorShapeProto__Dimension, WN__ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);
    if (!d) return;
    if (size < 0) {
        d->dim_param = text(b, "batch");
    } else {
        d->has_dim_value = true;
        d->dim_value = size;
    }
}

static void describe(wn__onnx_builder *b, Wn__Onnx__ValueInfoProto *value, const char *name, int type, int ndim, const int64_t *dim)
{
    if (!value) return;
    value->name = text(b, name);
    value->type = new_message(b, sizeof *value->type, &(Wn__Onnx__TypeProto)WN__ONNX__TYPE_PROTO__INIT);
    if (!value->type) return;
    Wn__Onnx__TypeProto__Tensor *t = value->type->tensor_type =
        new_message(b, sizeof *t, &(Wn__Onnx__TypeProto__Tensor)WN__ONNX__TYPE_PROTO__TENSOR__INIT);
    if (!t) return;
    t->has_elem_type = true;
    t->elem_type = type;
    t->shape = new_message(b, sizeof *t->shape, &(Wn__Onnx__TensorShapeProto)WN__ONNX__TENSOR_SHAPE_PROTO__INIT);
    for (int i = 0; t->shape && i < ndim; i++)
        add_dim(b, t->shape, dim[i]);
}

void wn__onnx_input(wn__onnx_builder *b, const char *name, int type, int ndim, const int64_t *dim)
{
    if (b->status == WN_OK)
        describe(b, APPEND(b, b->model->graph, input, Wn__Onnx__ValueInfoProto, WN__ONNX__VALUE_INFO_PROTO__INIT), name, type, ndim, dim);
}

void wn__onnx_output(wn__onnx_builder *b, const char *name, int type, int ndim, const int64_t *dim)
{
    if (b->status == WN_OK)
        describe(b, APPEND(b, b->model->graph, output, Wn__Onnx__ValueInfoProto, WN__ONNX__VALUE_INFO_PROTO__INIT), name, type, ndim, dim);
}

/* ---- initializers */

static void add_external(wn__onnx_builder *b, Wn__Onnx__TensorProto *t, const char *key, const char *value)
{
    Wn__Onnx__StringStringEntryProto *entry =
        APPEND(b, t, external_data, Wn__Onnx__StringStringEntryProto, WN__ONNX__STRING_STRING_ENTRY_PROTO__INIT);
    if (!entry) return;
    entry->key = text(b, key);
    entry->value = text(b, value);
}

static void write_outside(wn__onnx_builder *b, Wn__Onnx__TensorProto *t, const void *data, size_t size)
{
    char number[24];
    if (!keep(b, wn__replace_write(b->external, data, size))) return;
    t->has_data_location = true;
    t->data_location = 1;
    add_external(b, t, "location", b->external_name);
    snprintf(number, sizeof number, "%" PRId64, b->external_size);
    add_external(b, t, "offset", number);
    snprintf(number, sizeof number, "%zu", size);
    add_external(b, t, "length", number);
    b->external_size += (int64_t)size;
}

/* Bytes in the machine's order, which ONNX wants little-endian: as are all machines that Winnow runs on. */
static void fill(wn__onnx_builder *b, Wn__Onnx__TensorProto *t, const char *name, int type, int ndim, const int64_t *dim, const void *data,
                 size_t size)
{
    if (!t) return;
    t->has_data_type = true;
    t->data_type = type;
    t->name = text(b, name);
    if (!copy_ints(b, ndim, dim, &t->n_dims, &t->dims)) return;
    if (b->external && size > WITHIN) {
        write_outside(b, t, data, size);
        return;
    }
    t->has_raw_data = true;
    if (size && !(t->raw_data.data = wn__alloc(size))) {
        keep(b, wn__no_memory(size));
        return;
    }
    if (size) memcpy(t->raw_data.data, data, size);
    t->raw_data.len = size;
}

static Wn__Onnx__TensorProto *new_initializer(wn__onnx_builder *b)
{
    if (b->status != WN_OK) return NULL;
    return APPEND(b, b->model->graph, initializer, Wn__Onnx__TensorProto, WN__ONNX__TENSOR_PROTO__INIT);
}

void wn__onnx_floats(wn__onnx_builder *b, const char *name, int ndim, const int64_t *dim, const float *values)
{
    int64_t count = 1;
    for (int i = 0; i < ndim; i++)
        count *= dim[i];
    fill(b, new_initializer(b), name, WN__ONNX_FLOAT, ndim, dim, values, (size_t)count * sizeof *values);
}

void wn__onnx_ints(wn__onnx_builder *b, const char *name, int count, const int64_t *values)
{
    const int64_t dim = count;
    fill(b, new_initializer(b), name, WN__ONNX_INT64, 1, &dim, values, (size_t)count * sizeof *values);
}

static void fill_sparse(wn__onnx_builder *b, Wn__Onnx__SparseTensorProto *s, const char *name, int64_t stored, const float *value,
                        const int64_t *at)
{
    char places[400];
    snprintf(places, sizeof places, "%.380s.indices", name);
    s->values = new_message(b, sizeof *s->values, &(Wn__Onnx__TensorProto)WN__ONNX__TENSOR_PROTO__INIT);
    fill(b, s->values, name, WN__ONNX_FLOAT, 1, &stored, value, (size_t)stored * sizeof *value);
    s->indices = new_message(b, sizeof *s->indices, &(Wn__Onnx__TensorProto)WN__ONNX__TENSOR_PROTO__INIT);
    fill(b, s->indices, places, WN__ONNX_INT64, 1, &stored, at, (size_t)stored * sizeof *at);
}

void wn__onnx_sparse_floats(wn__onnx_builder *b, const char *name, int ndim, const int64_t *dim, const float *values)
{
    int64_t count = 1, stored = 0;
    for (int i = 0; i < ndim; i++)
        count *= dim[i];
    float *value = WN_NEW_ARRAY(float, count);
    int64_t *at = WN_NEW_ARRAY(int64_t, count);
    if (!value || !at) keep(b, wn__no_memory((size_t)count * sizeof *at));
    for (int64_t i = 0; b->status == WN_OK && i < count; i++)
        if (values[i] != 0) {
            value[stored] = values[i];
            at[stored++] = i;
        }
    Wn__Onnx__SparseTensorProto *s = b->status != WN_OK ? NULL
                                                        : APPEND(b, b->model->graph, sparse_initializer, Wn__Onnx__SparseTensorProto,
                                                                 WN__ONNX__SPARSE_TENSOR_PROTO__INIT);
    if (s && copy_ints(b, ndim, dim, &s->n_dims, &s->dims)) fill_sparse(b, s, name, stored, value, at);
    wn__free(value);
    wn__free(at);
}

/* ---- nodes */

static void add_text(wn__onnx_builder *b, char ***list, size_t *count, const char *value)
{
    if (b->status != WN_OK || !keep(b, wn__make_room(list, (int64_t)*count, sizeof **list))) return;
    if (((*list)[*count] = text(b, value))) (*count)++;
}

void wn__onnx_node(wn__onnx_builder *b, const char *type, const char *name, const char *output, const char *const *input, int inputs)
{
    Wn__Onnx__NodeProto *n = b->status != WN_OK ? NULL : APPEND(b, b->model->graph, node, Wn__Onnx__NodeProto, WN__ONNX__NODE_PROTO__INIT);
    if (!n) return;
    n->op_type = text(b, type);
    n->name = text(b, name);
    add_text(b, &n->output, &n->n_output, output);
    for (int i = 0; i < inputs; i++)
        add_text(b, &n->input, &n->n_input, input[i]);
}

/* Of the last node. */
static Wn__Onnx__AttributeProto *new_attribute(wn__onnx_builder *b, const char *name, int type)
{
    if (b->status != WN_OK) return NULL;
    Wn__Onnx__NodeProto *n = b->model->graph->node[b->model->graph->n_node - 1];
    Wn__Onnx__AttributeProto *a = APPEND(b, n, attribute, Wn__Onnx__AttributeProto, WN__ONNX__ATTRIBUTE_PROTO__INIT);
    if (!a) return NULL;
    a->name = text(b, name);
    a->has_type = true;
    a->type = type;
    return a;
}

void wn__onnx_int(wn__onnx_builder *b, const char *attribute, int64_t value)
{
    Wn__Onnx__AttributeProto *a = new_attribute(b, attribute, 2);
    if (!a) return;
    a->has_i = true;
    a->i = value;
}

void wn__onnx_float(wn__onnx_builder *b, const char *attribute, float value)
{
    Wn__Onnx__AttributeProto *a = new_attribute(b, attribute, 1);
    if (!a) return;
    a->has_f = true;
    a->f = value;
}

void wn__onnx_int_list(wn__onnx_builder *b, const char *attribute, int count, const int64_t *values)
{
    Wn__Onnx__AttributeProto *a = new_attribute(b, attribute, 7);
    if (a) copy_ints(b, count, values, &a->n_ints, &a->ints);
}

/* ---- writing */

typedef struct sink {
    ProtobufCBuffer base;
    wn__replace *file;
    wn_status status;
} sink;

static void append_bytes(ProtobufCBuffer *buffer, size_t size, const uint8_t *bytes)
{
    sink *s = (sink *)buffer;
    if (s->status == WN_OK) s->status = wn__replace_write(s->file, bytes, size);
}

wn_status wn__onnx_write(wn__onnx_builder *b, const char *path)
{
    wn__replace file;
    WN_TRY(b->status);
    const size_t size = wn__onnx__model_proto__get_packed_size(b->model);
    if (size > INT32_MAX)
        return wn__fail(WN_EUNSUPPORTED, "%s: %zu bytes; a file of ONNX holds at most 2 GiB: write the weights to an external file", path,
                        size);
    WN_TRY(wn__replace_open(&file, path));
    sink s = {.base.append = append_bytes, .file = &file};
    wn__onnx__model_proto__pack_to_buffer(b->model, &s.base);
    if (s.status == WN_OK) return wn__replace_commit(&file);
    wn__replace_abort(&file);
    return s.status;
}

void wn__onnx_release(wn__onnx_builder *b)
{
    if (b->model) wn__onnx__model_proto__free_unpacked(b->model, &allocator);
    b->model = NULL;
}
