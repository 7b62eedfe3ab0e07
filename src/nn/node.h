/* Kinds of nodes. All that the program knows of one stands in one file, src/nn/nodes/NAME.c, and makes it known by one line of nodes/list.h: builders,
 * network files, lowering, masks, removal of channels, synaptic flow and pages read the entry. Nobody else names it.
 */
#ifndef WN_NN_NODE_H
#define WN_NN_NODE_H

#include "backend/backend.h"
#include "base/settings.h"
#include "tensor/param.h"
#include "winnow/graph.h"

enum { WN__NODE_PARAMS = 4 };

typedef struct wn__node_kind wn__node_kind;

typedef struct wn__node {
    const wn__node_kind *kind;
    char *name;                    /* "<kind><index>" for nodes without parameters */
    int input[WN__INPUTS], inputs; /* node indices */
    int64_t c, h, w;               /* output shape per image */
    int kernel_h, kernel_w, stride, pad, groups;
    bool bias;
    float eps, momentum, rate, most; /* most: upper bound of a ReLU, 0 = none */
    int param[WN__NODE_PARAMS];      /* indices into the parameters, as its kind lists them; -1 = none */
} wn__node;

/* Every setting that some kind has, as network files write it; each kind lists the rows that it knows. */
typedef struct wn__node_settings {
    const char *name, *as, *share, *out;
    int64_t channels; /* what `out` means */
    int64_t kernel, kernel_h, kernel_w, stride, pad, groups;
    bool bias;
    double rate, max;
} wn__node_settings;

/* The first rows of kinds without parameters, and of those with parameters. */
#define WN__NODE_LABELS WN_SETTING_TEXT(wn__node_settings, as, "", "name of the value, for `from`")
#define WN__NODE_NAMED                                                                                          \
    WN_SETTING_TEXT(wn__node_settings, name, NULL, "name of the node, prefix of its tensors"), WN__NODE_LABELS, \
        WN_SETTING_TEXT(wn__node_settings, share, "", "earlier node whose parameters are used")

enum {
    WN__NODE_IS_INPUT = 1 << 0,   /* the images */
    WN__NODE_WEIGHS = 1 << 1,     /* param[0] is a weight, one row for each output */
    WN__NODE_WINDOWS = 1 << 2,    /* has kernel, stride and pad */
    WN__NODE_IS_NORM = 1 << 3,    /* a batch norm: scale, shift, mean, variance */
    WN__NODE_IS_RELU = 1 << 4,    /* max(x, 0), at most `most` */
    WN__NODE_IS_SUM = 1 << 5,     /* of two inputs */
    WN__NODE_TAKES_RELU = 1 << 6, /* the operation can end with one */
    WN__NODE_TAKES_SUM = 1 << 7,  /* ... and before that add a second input */
    WN__NODE_TAKES_NORM = 1 << 8, /* ... with running statistics, for inference on devices with `norms_in_convs` */
    WN__NODE_TRAINS_ONLY = 1 << 9 /* passes on what it gets but while training */
};

/* What removing a channel means for a node. */
typedef enum wn__node_channels {
    WN__CHANNELS_STAY, /* neither its inputs' nor its own can go: also of kinds that say nothing */
    WN__CHANNELS_START, /* its own are its weight's rows, its input's the columns; grouped, one by one if there is a group for each, else they stay */
    WN__CHANNELS_PASS, /* one by one, and zero stays zero */
    WN__CHANNELS_JOIN  /* ... of all inputs together */
} wn__node_channels;

typedef struct wn__node_param {
    const char *suffix;  /* of its name; NULL: the list is at its end */
    wn__param_role role; /* a bias is there where the node has one */
} wn__node_param;

/* One image flowing through a node (synaptic flow), in double. */
typedef struct wn__node_flow {
    const wn__node *node;
    const wn__node *from[WN__INPUTS];
    const double *in[WN__INPUTS], *dout;
    double *out, *din[WN__INPUTS];           /* gradients are added to din */
    const double *weight;                    /* magnitudes, masked ones 0; of kinds that weigh */
    double *score;                           /* of that weight, added to; NULL: not wanted */
    const wn__param *param[WN__NODE_PARAMS]; /* NULL = none */
    wn__pool *threads;
} wn__node_flow;

/* What a node makes of inputs that are the same number in all places of a channel. */
typedef struct wn__node_constant {
    const wn__node *node;
    const wn__node *from;                /* the first input */
    const double *in[WN__INPUTS];        /* by channel of each input; NaN: it varies */
    const float *param[WN__NODE_PARAMS]; /* dense values; NULL = none */
    int64_t weights;                     /* entries of a row of param[0] */
} wn__node_constant;

struct wn__node_kind {
    const char *name, *summary;
    int inputs, most_inputs;     /* most_inputs 0: just `inputs` */
    const wn__setting *settings; /* over wn__node_settings; NULL: files don't write such nodes */
    const char *always;          /* settings that files written by Winnow name even at their defaults, separated by blanks; NULL: none */
    wn__node_param param[WN__NODE_PARAMS + 1];
    unsigned traits;
    wn__op_kind op;
    wn__node_channels channels;
    const char *layers; /* how mask.layers calls what weighs: "convolutions" */

    /* Sets the shape and what else the node needs from checked inputs. False after wn__graph_refuse. */
    bool (*make)(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node);
    /* The settings that make such a node again, beside names, and the kind to say (usually its own). NULL: none needed. */
    const wn__node_kind *(*describe)(const wn_graph *g, const wn__node *node, wn__node_settings *s);
    /* Dimensions of a parameter; their number. NULL: one entry for each channel of the output. */
    int (*dims)(const wn__node *node, const wn__node *in, int slot, int64_t dim[4]);
    /* NULL: WN_EUNSUPPORTED by name. */
    void (*flow)(const wn__node_flow *f);
    void (*flow_back)(const wn__node_flow *f);
    /* Of channel k of the output; NaN: it varies. NULL: always. */
    double (*constant)(const wn__node_constant *c, int64_t k);
};

/* All kinds, in the order of nodes/list.h; NULL-terminated. */
extern const wn__node_kind *const wn__node_kinds[];
/* Of those that files write; NULL: none of that name. */
const wn__node_kind *wn__node_kind_find(const char *name);
static inline bool wn__node_has(const wn__node *node, unsigned trait) { return (node->kind->traits & trait) != 0; }
static inline int64_t wn__node_size(const wn__node *node) { return node->c * node->h * node->w; }
/* A convolution with a group for each of its channels. */
static inline bool wn__node_is_depthwise(const wn__node *node, const wn__node *in)
{
    return node->groups > 1 && node->groups == in->c && node->groups == node->c;
}

/* For kinds: the shape of the first input. */
bool wn__node_keep_shape(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node);
/* Where the output is the input: flow both ways. */
void wn__node_flow_same(const wn__node_flow *f);
void wn__node_flow_same_back(const wn__node_flow *f);
/* Where a border of zeros changes what is not zero. */
static inline double wn__node_inside(const wn__node *node, double in) { return node->pad == 0 || in == 0 ? in : (double)NAN; }

#endif
