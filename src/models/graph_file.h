/* Networks that users write in a YAML file.
 *
 *     name: tiny
 *     nodes:                      # in topological order; each reads the one before unless it names others with `from`
 *       - conv: {name: conv1, out: 16, kernel: 3, pad: 1}
 *       - batch_norm: {name: bn1}
 *       - relu: {as: stem}        # `as` names a value for later `from`
 *       - conv: {name: conv2, out: 16, kernel: 3, pad: 1}
 *       - add: {from: [conv2, stem]}
 *       - global_pool
 *       - linear: {name: fc, out: classes}
 *
 * Kinds: conv, linear, batch_norm, relu, add, max_pool, avg_pool, global_pool, dropout. `out: classes` is the data set's number of classes;
 * It and every other `out` of the last layer with weights stay as they are under a width; all other widths are multiplied by it and rounded, at least 1.
 * `input` names the images; `share: conv1` uses the parameters of an earlier node of the same kind. A node's own `name` serves as its `as`.
 */
#ifndef WN_MODELS_GRAPH_FILE_H
#define WN_MODELS_GRAPH_FILE_H

#include "base/text.h"
#include "models/model.h"

/* Settings of networks from files. */
typedef struct wn__graph_file_config {
    double width; /* multiplies all channels */
} wn__graph_file_config;
extern const wn__setting wn__graph_file_settings[];

/* Kind `index` of node, and what it can say beside `from`; false: past the last. */
bool wn__graph_file_node(int index, const char **name, const char **summary, const wn__setting **settings);

/* Unknown kinds and keys are errors with file, line and the valid ones. config NULL: defaults. */
wn_status wn__graph_file_read(const char *path, const wn__graph_file_config *config, wn__model_input input, wn_graph **out);
/* The same over text in memory, by its own widths; `label` stands for the file name in messages. */
wn_status wn__graph_file_parse(const char *label, const char *text, wn__model_input input, wn_graph **out);
/* A finished graph as such a file; reading it makes the same graph. */
wn_status wn__graph_file_write(const wn_graph *graph, wn__text *out);

#endif
