/* Networks by name. One file per family exports const entries; list.h registers them. */
#ifndef WN_MODELS_MODEL_H
#define WN_MODELS_MODEL_H

#include "base/settings.h"
#include "winnow/graph.h"

typedef struct wn__model_input {
    int c, h, w; /* images */
    int classes;
} wn__model_input;

typedef struct wn__model wn__model;
struct wn__model {
    const char *name, *summary;
    const char *paper;           /* arXiv number or citation */
    wn__model_input usual;       /* what its published figures are for */
    int64_t parameters;          /* trained scalars at the usual input, default settings */
    const void *variant;         /* of the family */
    const wn__setting *settings; /* NULL = none */
    size_t config_size;
    const char *later; /* a setting that came after results were stored: at its default it is no part of a stage's identity; NULL: none */
    /* Adds nodes to `graph`, whose input node is 0, and returns the node of the logits (-1 after a failure). */
    int (*build)(const wn__model *model, const void *config, wn_graph *graph, int classes);
};

/* All entries, NULL-terminated. */
extern const wn__model *const wn__models[];
/* WN_ENOTFOUND that lists the valid names. */
wn_status wn__model_find(const char *name, const wn__model **out);
/* config: of the model's settings, or NULL for defaults. An image size that the network cannot take is an error that says so. */
wn_status wn__model_build(const wn__model *model, const void *config, wn__model_input input, wn_graph **out);

#endif
