/* Winnow: one network in a program's hands: open, look, predict, train, prune, save.
 *
 *     wn_network *net;
 *     if (wn_network_open("final.safetensors", NULL, &net) != WN_OK) ... wn_error_message() ...
 *     wn_network_info info = {.size = sizeof info};
 *     if (wn_network_look(net, &info) == WN_OK && wn_network_predict(net, images, n, logits) == WN_OK) ...
 *     wn_network_close(net);
 *
 * Arrays are float32 in C order. Inputs are (n, channels, height, width), outputs (n, outputs): logits, where classes are learnt. Names of tensors
 * are torchvision's. Texts that look like recipes are pieces of recipes (docs/recipe.md); messages name the piece and the line.
 *
 * Ownership. The caller closes what was opened. Pointers that a call fills in (names, texts) belong to the handle and live until it is closed.
 * Buffers are the caller's, are used during the call only, and must not overlap.
 *
 * Threads. One handle is used by one thread at a time; different handles run at once, each on threads of its own. Clones share their weights and
 * nothing else. With `kernels` "own" no number depends on how many threads there are.
 *
 * Fork. A child has none of the threads of its parent's handles: it may close them, which leaves some memory in the child, and any other call is
 * WN_EINVAL. It opens its own.
 *
 * Failures. WN_EINVAL: NULL, a count or an index out of range. WN_EBUSY: the weights are shared with a clone, and would change. Others stand
 * beside the calls. After a failure the handle is as it was, unless said, and can be used. */
#ifndef WINNOW_NETWORK_H
#define WINNOW_NETWORK_H

#include "winnow/graph.h"
#include "winnow/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wn_network wn_network;

/* Zero means the default. NULL in place of options: all defaults. */
typedef struct wn_network_options {
    size_t size;         /* sizeof(wn_network_options) */
    int threads;         /* 0: all CPUs that the process may use */
    const char *backend; /* "auto" (NULL): networks with masks over weights on `sparse`, others on the best of the build; or one by name */
    const char *dtype;   /* of activations: "float32" (NULL) or "bfloat16"; weights are float32 always */
    int64_t batch;       /* most samples that run at once; 0: 128. Larger calls of wn_network_predict are cut. Memory grows with it */
    uint64_t seed;       /* of start weights, where there are some to draw, and of dropout */
    /* Start weights, train.init of a recipe: "kaiming" (NULL), "{weights: pytorch, bn_scale: uniform}". WN_EINVAL where a file has the weights. */
    const char *init;
    /* (sets) what a file does not say of its network, as "key=value": "model.arch=resnet20", "data.set=cifar10". A set of pictures stands for how they become
     * inputs, and need not say where they lie. */
    const char *const *set;
    int sets;
    /* Ends predictions between two passes, losses before one, and pruning between two scores, with WN_ESTOPPED. It lives as long as the handle; clones have
     * their own. NULL: wn_request_stop alone does. */
    const wn_stop *stop;
    /* A file of patterns that rename the tensors of a file, for wn_network_open and wn_network_open_memory; NULL: none. */
    const char *names;
    /* "fastest" (NULL): where `backend` is "auto", dense layers and networks on up to eight inputs at once run on Winnow's kernels or on oneDNN, as was
     * measured when these first ran; last bits differ between the two. "own": nothing that changes bits is chosen by time. */
    const char *kernels;
} wn_network_options;

/* ---- open and close */

/* A weights file of Winnow, or a safetensors or PyTorch file whose tensors are those of a network that Winnow knows; where their names do not tell it,
 * `set` says which. WN_EUSAGE: neither says the architecture. WN_EMISMATCH: tensors of another network. WN_EFORMAT: a damaged file. */
WN_API WN_NODISCARD wn_status wn_network_open(const char *path, const wn_network_options *options, wn_network **out);
/* The same file in memory; the bytes are not needed afterwards. */
WN_API WN_NODISCARD wn_status wn_network_open_memory(const void *bytes, size_t size, const wn_network_options *options, wn_network **out);
/* Start weights on a finished graph, which the handle owns after success. */
WN_API WN_NODISCARD wn_status wn_network_from_graph(wn_graph *graph, const wn_network_options *options, wn_network **out);
/* Start weights on a network by name: sections model, data and train.init of a recipe, "{model: {arch: resnet20}, data: {set: cifar10}}".
 * Without data the network has its usual inputs and outputs. Other sections of the text say nothing here and pass, so that it may be a whole recipe; such keys of
 * `set` are WN_EUSAGE. */
WN_API WN_NODISCARD wn_status wn_network_from_recipe(const char *recipe, const wn_network_options *options, wn_network **out);
/* Weights, statistics and masks of a file into a handle of the same network, in place of its own: WN_EMISMATCH otherwise. What the optimizer remembers
 * is forgotten. */
WN_API WN_NODISCARD wn_status wn_network_load(wn_network *net, const char *path);
/* Another handle on the same weights, for another thread. Weights and masks of both stay as they are while both are open: what would change
 * them is WN_EBUSY. Of the options `threads`, `batch`, `seed` and `stop` count. */
WN_API WN_NODISCARD wn_status wn_network_clone(wn_network *net, const wn_network_options *options, wn_network **out);
WN_API void wn_network_close(wn_network *net); /* accepts NULL */

/* ---- look */

typedef struct wn_network_info {
    size_t size;                     /* sizeof(wn_network_info), set by the caller */
    const char *name;                /* of the architecture: "resnet20" */
    int64_t channels, height, width; /* of an input */
    int64_t outputs;                 /* for one input */
    const char *dataset;             /* that it was trained on; NULL: not known */
    const char *const *class_names;  /* (outputs); NULL: not known */
    /* How wn_network_normalize makes inputs of pixels: "cifar10", "per-image"; NULL: not known, or they are no pixels. */
    const char *normalize;
    bool per_image;                  /* by each image's own mean and deviation; else by these: */
    float mean[3], deviation[3];     /* of each channel, of pixels / 255 */
    int tensors;                     /* wn_network_tensor numbers them from 0 */
    int64_t parameters, active;      /* trained numbers of the network, and those that masks leave */
    int64_t weights, weights_active; /* the same of convolutions and linear layers; sparsity is 1 - weights_active / weights */
    int64_t dense_flops, flops;      /* of one input, forward: 2 a multiply-add; without masks, and with them */
    int64_t dense_bytes, bytes;      /* estimates: of all numbers; with masks as values and the smallest pattern */
    const char *backend;             /* that it runs on now: "onednn", "sparse", "ref" */
    /* What outputs are learnt from: "class" or "distribution" (one of the classes: logits of a softmax), "classes" (any of them: of sigmoids), "values",
     * "positions"; NULL: not known. */
    const char *targets;
} wn_network_info;
WN_API WN_NODISCARD wn_status wn_network_look(wn_network *net, wn_network_info *info);

typedef enum wn_tensor_kind {
    WN_TENSOR_WEIGHT, /* convolution (out, in / groups, height, width), linear (out, in) */
    WN_TENSOR_BIAS,   /* (out) */
    WN_TENSOR_SCALE,  /* of batch norm (channels), as those that follow */
    WN_TENSOR_SHIFT,
    WN_TENSOR_MEAN, /* running statistics: not trained, no gradient */
    WN_TENSOR_VARIANCE
} wn_tensor_kind;

typedef struct wn_network_tensor {
    size_t size; /* sizeof(wn_network_tensor), set by the caller */
    const char *name;
    wn_tensor_kind kind;
    int dims;
    int64_t dim[WN_MAX_DIMS];
    int64_t count;  /* product of dim */
    int64_t active; /* entries that its mask leaves; count without one */
    bool masked;
} wn_network_tensor;
/* `index` is 0 .. info.tensors - 1. WN_ENOTFOUND lists the first names. */
WN_API WN_NODISCARD wn_status wn_network_find(wn_network *net, const char *name, int *index);
WN_API WN_NODISCARD wn_status wn_network_tensor_at(wn_network *net, int index, wn_network_tensor *tensor);

/* Copies of tensor `index`, all `count` entries of it: zeros where a mask has taken them away. WN_EINVAL: another count.
 * Written values are zeroed where they are masked. A gradient is that of the last wn_network_loss_gradients,
 * until weights or masks change: WN_EINVAL without one. */
WN_API WN_NODISCARD wn_status wn_network_read(wn_network *net, int index, float *values, int64_t count);
WN_API WN_NODISCARD wn_status wn_network_write(wn_network *net, int index, const float *values, int64_t count);
WN_API WN_NODISCARD wn_status wn_network_read_gradient(wn_network *net, int index, float *values, int64_t count);
/* 1 = active, 0 = not. Without a mask all are 1. Writing takes 0 and not 0; NULL removes the mask. Entries that become active start at 0. */
WN_API WN_NODISCARD wn_status wn_network_read_mask(wn_network *net, int index, uint8_t *mask, int64_t count);
WN_API WN_NODISCARD wn_status wn_network_write_mask(wn_network *net, int index, const uint8_t *mask, int64_t count);

/* ---- run */

/* Bytes of images (n, channels, height, width) to inputs, as the network's training did. WN_EUNSUPPORTED: it is not known how. */
WN_API WN_NODISCARD wn_status wn_network_normalize(wn_network *net, const uint8_t *pixels, int64_t n, float *x);
/* One picture to an input, as `winnow eval` sees it: JPEG, PNG or WebP of any size; resized and cut as the file says (`evaluate`), else scaled to cover
 * the network's size and the middle cut out; then normalized. `label` stands for it in messages. WN_EUNSUPPORTED: it is not known how, or a variant
 * that is not read. WN_EFORMAT: damaged, or no picture. */
WN_API WN_NODISCARD wn_status wn_network_read_image(wn_network *net, const char *path, float *x);
WN_API WN_NODISCARD wn_status wn_network_decode_image(wn_network *net, const char *label, const void *bytes, size_t size, float *x);
/* Outputs of n inputs, any n; n = 0 does nothing. Running statistics, no dropout: a whole data set in one call gives the numbers that `winnow eval`
 * judges, bit for bit with `kernels` "own". On the backends `sparse` and `ref` an output depends on its input alone; oneDNN chooses its code by the number of inputs that
 * run at once, which may change last bits. Few inputs take a path of low latency by themselves.
 * Memory is allocated in the first call of a size alone: n up to `batch`, and the rest beyond its multiples. The last eight sizes are kept. */
WN_API WN_NODISCARD wn_status wn_network_predict(wn_network *net, const float *x, int64_t n, float *y);

/* What convolutions and linear layers run on for n inputs at once (1 to `batch`), from the first to the last: "winnow planes", "onednn brgconv:avx512_core".
 * It predicts n inputs of zeros for that. */
typedef void (*wn_kernel_visit)(void *user, const char *layer, const char *kernels);
WN_API WN_NODISCARD wn_status wn_network_kernels(wn_network *net, int64_t n, wn_kernel_visit visit, void *user);

/* ---- train */

/* Loss and optimizer, as the section train of a recipe has them: "{optimizer: {sgd: {momentum: 0.9, weight_decay: 1e-4}}, loss: mse}". Keys: optimizer
 * (sgd), loss (the usual one of the targets), smoothing (of the kinds class and distribution; WN_EUSAGE with others), clip_norm, clip_value, micro_batch. What the optimizer remembers is forgotten. WN_EUSAGE names key
 * and line. NULL: the defaults, which hold before the first call, too. */
WN_API WN_NODISCARD wn_status wn_network_set_training(wn_network *net, const char *train);
/* The mean loss of n inputs, and its gradient for every trained tensor, as a training step makes it: batch norm by the batch, whose statistics move
 * the running ones; dropout by the options' seed and the number of steps so far. All n at once: memory grows with n; nothing is allocated once a size was
 * seen. loss may be NULL. WN_EUSAGE: targets that the loss does not take. WN_EDIVERGED: the loss is not finite;
 * running statistics have moved all the same. */
WN_API WN_NODISCARD wn_status wn_network_loss_gradients(wn_network *net, const float *x, const wn_targets *targets, int64_t n,
                                                        double *loss);
/* One update of all trained tensors by these gradients at a learning rate: exactly the training loop's. Masked entries stay zero; weight decay falls
 * on weights alone, unless the optimizer says otherwise. WN_EINVAL: no gradients since the last step. */
WN_API WN_NODISCARD wn_status wn_network_step(wn_network *net, double rate);
/* The mean loss of n inputs as wn_network_predict sees them, and as `winnow eval` tells it: without smoothing. Nothing changes. */
WN_API WN_NODISCARD wn_status wn_network_loss(wn_network *net, const float *x, const wn_targets *targets, int64_t n, double *loss);

/* ---- prune */

typedef struct wn_network_prune_options {
    size_t size; /* sizeof(wn_network_prune_options) */
    /* Section mask of a recipe: "{score: snip, scope: layer, layers: [conv*]}"; NULL: smallest magnitudes of all layers together. */
    const char *mask;
    const char *sparsity; /* of the selected weights afterwards, from dense: "90%", "0.1d", "10x"; NULL where the masks say it themselves */
    uint64_t seed;        /* of all that is drawn */
    const float *x;       /* (n) inputs and targets, for the scores snip and grasp, by the usual loss of the targets; else NULL and 0 */
    const wn_targets *targets;
    int64_t n;
} wn_network_prune_options;
/* Masks over the weights as they are: those of `winnow prune` and of a recipe's mask stage, bit for bit. What is masked becomes zero. The optimizer's
 * memory of what stays is kept. Under a basis (mask.basis) weights are made of coefficients from then on, also when their file is opened or loaded again:
 * coefficients are trained and masked, and entries of the weights can be read alone. Pruned again under the same basis its coefficients are ranked; under
 * another one, or none, the weights that they make; the optimizer's memory is forgotten then. WN_EUSAGE names key and line, or says which sparsity is missing or too low. */
WN_API WN_NODISCARD wn_status wn_network_prune(wn_network *net, const wn_network_prune_options *options);

/* ---- save */

typedef enum wn_network_parts { WN_SAVE_NETWORK, WN_SAVE_MASKS } wn_network_parts;
typedef struct wn_network_save_options {
    size_t size; /* sizeof(wn_network_save_options) */
    int parts;   /* wn_network_parts: all (0), or the masks alone */
    bool dense;  /* every weight, with masks beside, as wn_network_export's "dense" with masks; else the active ones alone */
} wn_network_save_options;
/* A safetensors file that all of Winnow reads, with what makes the network again: its recipe, or its graph. Written beside its target and renamed: an
 * old file stays whole until the new one is. */
WN_API WN_NODISCARD wn_status wn_network_save(wn_network *net, const char *path, const wn_network_save_options *options);

/* ---- export */

/* What a file has. */
typedef struct wn_network_export_summary {
    int64_t weights, weights_active; /* as in wn_network_info; with `shrink` of the smaller network */
    int64_t channels;                /* that were left out */
} wn_network_export_summary;

/* Settings that a format does not take are WN_EUSAGE when they are given. */
typedef struct wn_network_export_options {
    size_t size;        /* sizeof(wn_network_export_options) */
    const char *format; /* wn_list_formats names them: "compressed", "dense", "torch", "onnx", "c" */
    int opset;          /* onnx: version of the operators, 11 to 24; 0: 17 */
    bool
        keep_batch_norm; /* onnx: batch norms stay nodes of their own; else they become part of the layer in front where that is possible */
    bool sparse_initializers; /* onnx: weights of which half and more are zero as values and places */
    bool external_data;       /* onnx: weights in PATH.data beside it; needed from 2 GiB on */
    bool preprocess;          /* onnx: the input is bytes of pixels (n, channels, height, width), normalized in the graph */
    bool
        masks; /* dense, torch: NAME_mask (U8) beside each tensor that has one, which torch names NAME_orig; without them the tensors are the network\'s and no others */
    const char *target;     /* c: "simd" (NULL), whose lanes run along the image, or "small", of least memory */
    const char *name;       /* c: what all names in the source begin with; NULL: the path's base name */
    int64_t most_in_source; /* c: with more stored weights than this they go to NAME.bin; 0: 500,000 */
    /* compressed, dense, torch: type of all numbers of the network, "f32", "f16" or "bf16"; NULL: as they came from the file, F32 where they have changed since. WN_EINVAL: a number
     * that float16 does not reach. */
    const char *values;
    int64_t
        shrink; /* 1: channels without effect are left out first; those of one number are folded into what reads them. Outputs stay, to rounding */
    wn_network_export_summary *summary; /* filled when it is written; may be NULL */
} wn_network_export_options;
/* A file, or several beside it, that other programs run. Outputs are those of wn_network_predict but for the order of additions. Batch norm is by running
 * statistics. "c" writes PATH without ".c" + ".c", ".h"; many weights go to ".bin", with ".S" to link it. WN_EUNSUPPORTED names the node
 * or the setting that the format cannot hold. */
WN_API WN_NODISCARD wn_status wn_network_export(wn_network *net, const char *path, const wn_network_export_options *options);

/* Format `index`, from 0: its name and what it is in a line, which live for ever. WN_ENOTFOUND: there are no more. */
WN_API WN_NODISCARD wn_status wn_list_formats(int index, const char **name, const char **summary);

#ifdef __cplusplus
}
#endif
#endif
