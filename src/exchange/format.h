/* Files of networks for other programs: a registry, one file per entry in src/exchange/formats/, one line in list.h. */
#ifndef WN_EXCHANGE_FORMAT_H
#define WN_EXCHANGE_FORMAT_H

#include "data/dataset.h"
#include "io/safetensors.h"
#include "nn/graph_nodes.h"

/* What is written, all borrowed. */
typedef struct wn__exported {
    const wn_graph *graph;
    const wn__params *params;
    const wn__normalize *normalize; /* NULL: not known */
    const char *const *class_names; /* (outputs); NULL: not known */
    const char *dataset;            /* NULL: not known */
    const void *handle;             /* of `add` */
    /* All that Winnow's own files hold, with these numbers of the graph, of this type or (WN__ST_OTHER) the type that they came in. */
    wn_status (*add)(const void *handle, const wn_graph *graph, const wn__params *params, wn__st_dtype values, wn__st_writer *w);
} wn__exported;

/* How. Zero is the default of each; a format refuses what it does not take. */
typedef struct wn__export_how {
    int opset;              /* onnx */
    bool norms_stay;        /* onnx: batch norms are nodes of their own */
    bool sparse;            /* onnx: weights of which at least half are zero as sparse initializers */
    bool external;          /* onnx: weights in a second file, PATH.data */
    bool preprocess;        /* onnx: the input is bytes of pixels, normalized in the graph */
    bool masks;             /* dense: NAME_mask beside each tensor that has one */
    const char *values;     /* compressed, dense: "f32", "f16" or "bf16"; NULL: as they came */
    const char *target;     /* c: "simd" or "small" */
    const char *name;       /* c: prefix of what the source defines; NULL: of the path */
    int64_t most_in_source; /* c: beyond so many stored weights they are in a file of their own; 0: the default */
} wn__export_how;

typedef enum wn__export_setting {
    WN__EXPORT_OPSET = 1,
    WN__EXPORT_NORMS_STAY = 2,
    WN__EXPORT_SPARSE = 4,
    WN__EXPORT_EXTERNAL = 8,
    WN__EXPORT_PREPROCESS = 16,
    WN__EXPORT_TARGET = 32,
    WN__EXPORT_NAME = 64,
    WN__EXPORT_MASKS = 128,
    WN__EXPORT_MOST_IN_SOURCE = 256,
    WN__EXPORT_VALUES = 512
} wn__export_setting;

typedef struct wn__export_format {
    const char *name, *summary;
    unsigned takes; /* wn__export_setting */
    wn_status (*write)(const wn__exported *network, const wn__export_how *how, const char *path);
} wn__export_format;

/* All entries, ended by NULL. */
extern const wn__export_format *const wn__export_formats[];
/* WN_EUSAGE lists the names. */
wn_status wn__export_find(const char *name, const wn__export_format **out);
/* WN__ST_OTHER of NULL. WN_EUSAGE: no such type. */
wn_status wn__export_values(const char *name, wn__st_dtype *out);
/* WN_EUSAGE: a setting that the format does not take. */
wn_status wn__export_write(const wn__export_format *format, const wn__exported *network, const wn__export_how *how, const char *path);

#endif
