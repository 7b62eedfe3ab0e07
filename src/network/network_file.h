/* Networks in safetensors files: tensors named as torchvision names them, masks as "<name>_mask" (U8), optimizer slots as
 * "<name>.<slot>" ("conv1.weight.momentum"). Metadata make the file complete: architecture, input size, normalisation, class names.
 *
 * A compressed weight has, in place of "<name>" and its mask, the compressed rows of the matrix (dim[0], product of the other dims):
 *     <name>.shape      I64 (dimensions)  of the dense weight
 *     <name>.row_start  I64 (rows + 1)    entries row_start[r] .. row_start[r+1] - 1 are those of row r
 *     <name>.columns    I32 (stored)      ascending inside a row
 *     <name>.values     F32 (stored)      and its slots "<name>.<slot>" likewise
 * A weight under a basis is in files for others the weight that its coefficients make, with the coefficients beside it
 * (src/sparse/basis/basis_map.h); in checkpoints "<name>" are the coefficients, in one row.
 * What is read is put into the form that the parameter has, whichever form the file has. */
#ifndef WN_NETWORK_NETWORK_FILE_H
#define WN_NETWORK_NETWORK_FILE_H

#include "data/dataset.h"
#include "io/safetensors.h"
#include "network/file_traits.h"
#include "nn/graph_nodes.h"
#include "nn/optimizer.h"

/* What the network is for; everything borrowed. Any pointer may be NULL: then its keys are left out. */
typedef struct wn__network_info {
    const wn_graph *graph;          /* "arch", "input" = "3x32x32", "classes" */
    const wn__dataset *data;        /* "dataset", "class_names" (JSON array), "evaluate" (a recipe's list; where it has one) */
    const wn__normalize *normalize; /* "normalize" (name), "mean", "std" (JSON arrays) */
    const char *recipe;             /* "recipe": sections data and model of a recipe, which make data and network again */
} wn__network_info;

typedef enum wn__network_form {
    WN__FORM_DENSE, /* compressed weights as dense ones with masks, made piece by piece: what other programs read. Those of more than
                       WN__MOST_DENSE entries stay compressed */
    WN__FORM_STORED /* as they are in memory */
} wn__network_form;
#define WN__MOST_DENSE ((int64_t)1 << 31)

/* Add parameters (and masks; and slots, if `optimizer` is not NULL) and metadata to a file being made. Values are borrowed until the write. */
wn_status wn__network_add(wn__st_writer *w, const wn__network_info *info, const wn__params *params, wn__network_form form,
                          const wn__optimizer_type *optimizer);
/* The three in one: weights, statistics and masks of `params`, compressed, and as the file was that they come from (NULL: none). */
wn_status wn__network_save(const char *path, const wn__network_info *info, const wn__params *params, const wn__file_traits *traits);

typedef enum wn__network_parts {
    WN__PART_VALUES = 1, /* weights, biases, batch norm and its statistics */
    WN__PART_MASKS = 2,  /* masks and patterns; a parameter without one in the file has all entries active afterwards */
    WN__PART_SLOTS = 4   /* optimizer slots, which must have been allocated */
} wn__network_parts;
/* Read parts into params of the same network. Values are masked by what masks are then set. Another network: WN_EMISMATCH that names the
 * first difference; a pattern that is none: WN_EFORMAT; then params are unchanged. */
wn_status wn__network_read(const wn__safetensors *file, int parts, const wn__optimizer_type *optimizer, wn__params *params);
/* ... but those that are left out (params->count; NULL: none). */
wn_status wn__network_read_some(const wn__safetensors *file, int parts, const wn__optimizer_type *optimizer, const bool *left_out,
                                wn__params *params);
wn_status wn__network_load(const char *path, int parts, wn__params *params);

#endif
