/* A network as a command line names it, and the same one with other widths. */
#ifndef WN_MODELS_NAMED_H
#define WN_MODELS_NAMED_H

#include "models/graph_file.h"
#include "models/model.h"

typedef struct wn__named_model {
    const char *name;       /* of the list, or a file that describes a network: it has a / or ends in .yaml */
    const char *const *set; /* (sets) settings: "width=2" */
    int sets;
    wn__model_input input; /* zeros: as usual for the network; for a file 3 x 32 x 32 and 10 classes */
} wn__named_model;

wn_status wn__named_model_build(const wn__named_model *named, wn_graph **out);

/* What a network of other widths shall have as many of as another one. */
typedef enum wn__match { WN__MATCH_PARAMETERS, WN__MATCH_FLOPS } wn__match;
extern const char *const wn__match_names[]; /* "parameters", "flops", NULL */

/* A network of the list (type), or of a file (type NULL). Its settings and their struct; config NULL: defaults. */
const wn__setting *wn__network_settings(const wn__model *type); /* NULL: none */
size_t wn__network_config_size(const wn__model *type);
wn_status wn__network_build(const wn__model *type, const char *file, const void *config, wn__model_input input, wn_graph **out);

/* The setting that multiplies all channels ("scale" or "width", a number); NULL if there is none. */
const wn__setting *wn__network_width_setting(const wn__model *type);

typedef struct wn__width {
    double multiplier; /* value of that setting */
    double reached;    /* its parameters (or FLOPs) / `wanted` */
} wn__width;
/* The width at which the network, all else as in `config`, has the number of trained scalars (or forward FLOPs) nearest to `wanted`.
 * Channels are whole numbers, so it is met nearly at best. WN_EUNSUPPORTED: a network without such a setting. The graph may be NULL. */
wn_status wn__network_match_width(const wn__model *type, const char *file, const void *config, wn__model_input input, wn__match match,
                                  int64_t wanted, wn__width *width, wn_graph **graph);
/* The same where the size is not that of the dense network: size_of tells it. Widths are tried from 1 up to where it is reached. */
typedef wn_status (*wn__size_of)(void *arg, const wn_graph *graph, int64_t *size);
wn_status wn__network_find_width(const wn__model *type, const char *file, const void *config, wn__model_input input, wn__size_of size_of,
                                 void *arg, int64_t wanted, wn__width *width, wn_graph **graph);
/* Both of a network that a user named. */
wn_status wn__named_model_find_width(const wn__named_model *named, wn__size_of size_of, void *arg, int64_t wanted, wn__width *width,
                                     wn_graph **graph);
wn_status wn__named_model_match_width(const wn__named_model *named, wn__match match, int64_t wanted, wn__width *width, wn_graph **graph);

#endif
