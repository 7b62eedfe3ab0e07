/* The inside of a wn_network: what winnow/network.h does with it is in handle_*.c. */
#ifndef WN_HANDLE_HANDLE_H
#define WN_HANDLE_HANDLE_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/arguments.h"
#include "data/canvas.h"
#include "network/file_traits.h"
#include "network/machine.h"
#include "network/network.h"
#include "nn/optimizer.h"
#include "recipe/weights_recipe.h"
#include "winnow/network.h"

/* What clones have in common. The parameters' arrays belong to whoever is closed last; while there are two handles nobody writes to them. */
typedef struct wn__shared {
    atomic_int handles;
    pthread_mutex_t saving;   /* weights of coefficients are made in room that clones share */
    wn__recipe *recipe;       /* sections model and data, with the graph */
    json_t *meta;             /* what the file says of itself: texts by key; NULL: it comes from no file */
    json_t *classes;          /* of class_name; NULL: names are the data set's */
    const char **class_names; /* (outputs) owned; NULL: not known */
    const char *dataset;      /* NULL: not known */
    const char *targets;      /* what it learns, as a kind of targets is called; NULL: not known */
    wn__normalize normalize;  /* name NULL: not known */
    wn__file_traits traits;   /* of the file; empty without one */
} wn__shared;

/* Training step by step. */
typedef struct wn__training {
    wn__recipe *recipe;   /* its section train: optimizer and loss; NULL before they are needed or set */
    wn__updater *updater; /* NULL before the first pass, and after weights were replaced: then it begins anew */
    int64_t updates;      /* of its slots */
    bool passed;          /* gradients of the weights as they are */
    double *row_loss;     /* (rows) of samples */
    int64_t rows;
    float *outputs; /* (batch, outputs) of wn_network_loss; NULL before */
} wn__training;

/* A second way for a dense network on few samples. */
typedef struct wn__quick {
    wn__network net; /* over the handle's parameters, on the sparse backend's device for few samples; no executor before it is needed */
    enum { WN__QUICK_UNKNOWN, WN__QUICK_SLOWER, WN__QUICK_FASTER } verdict[9]; /* by the number of samples */
} wn__quick;

struct wn_network {
    wn__shared *shared;
    wn__network net; /* its parameters are as described above */
    pid_t process;   /* that opened it: there are its threads */
    wn__machine machine;
    wn__dtype dtype;
    wn__devices devices;
    int64_t batch;            /* most samples of a pass */
    wn__device *device;       /* that net.ex runs on */
    wn__executor_options how; /* of net.ex */
    bool own_kernels;         /* nothing is chosen by time where that changes bits */
    wn__quick quick;
    uint64_t seed;
    const wn_stop *stop; /* NULL: the process's alone */
    wn__training training;
    wn__pixels picture; /* decoded last */
    wn__canvas canvas;  /* that it is changed on */
};

/* WN_ESTOPPED on request, nothing has changed. */
wn_status wn__handle_goes_on(const wn_network *net, const char *call);
/* What every call begins with. WN_EINVAL: no handle, or one of a parent process. */
#define WN__ENTER(net) \
    WN__NEED(net);     \
    WN_TRY(wn__handle_enter(net))
wn_status wn__handle_enter(const wn_network *net);
/* WN_EBUSY while there are clones. Otherwise weights and masks may be changed; `what` would. */
wn_status wn__handle_may_change(const wn_network *net, const char *what);
/* The same of numbers: they are not those of the file any more, whose types are forgotten. */
wn_status wn__handle_may_change_numbers(const wn_network *net, const char *what);
/* Where it runs. Masks of coefficients leave no weight zero: such networks run as dense ones, as in training. */
const wn__backend *wn__handle_backend(const wn_network *net);
/* No executors; parameters stay. */
void wn__handle_stop(wn_network *net);
/* `params` of the same graph in place of its own: taken over and zeroed. */
void wn__handle_replace(wn_network *net, wn__params *params);
/* net.ex is there, on the backend for the masks as they are; with backward passes of up to n samples if n > 0. */
wn_status wn__handle_ready(wn_network *net, int64_t n);

/* handle_quick.c. The executor for n samples, at most `batch`, of a handle that is ready. Where there are two ways both predict x now, if n comes for the
 * first time, and the faster one stays. */
wn_status wn__handle_executor(wn_network *net, const float *x, int64_t n, float *y, wn__executor **out);

/* WN_EUNSUPPORTED: it is not known how pixels become inputs, or they are none. */
wn_status wn__handle_takes_pixels(const wn_network *net);

/* A piece of a recipe as a text of its own, of "train.init" or "mask". Messages name the piece, and line and column of its text. Free with wn__recipe_free. */
wn_status wn__handle_section(const char *path, const char *text, wn__recipe **out);
/* n samples with targets that the loss takes and the network has outputs for. */
wn_status wn__handle_check_samples(const wn_network *net, const char *call, const float *x, const wn_targets *targets, int64_t n);

/* Tensors of `params` of `graph`, which are the handle's or made of them, and all metadata, to a file of Winnow's own. `handle` is a wn_network. `values`: wn__file_traits_add */
wn_status wn__handle_add(const void *handle, const wn_graph *graph, const wn__params *params, wn__st_dtype values, wn__st_writer *w);

/* What the optimizer remembers is forgotten. */
void wn__training_restart(wn_network *net);
void wn__training_release(wn_network *net);

/* handle_about.c: fills all but recipe and handles. The file may be NULL. */
wn_status wn__about_read(const wn__safetensors *file, wn__shared *s);
void wn__about_release(wn__shared *s);

#endif
